using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

/// <summary>Runs that begin with parts in Hugging Face's layout: the golden models, which are tiny.</summary>
public sealed class PretrainedTrainingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("siglip-vision", "llama-smollm2-like", "linear")]
    [InlineData("siglip-full", "smolvlm-like", "linear")]
    [InlineData("dinov3-vits16plus-like", "gemma3-text", "mlp")]
    [InlineData("dinov2-registers", "gemma3-mm", "average_pool")]
    public void A_run_trains_saves_reloads_and_answers(string vision, string language, string projector)
    {
        Train(Config(vision, language, projector)).Succeeded();
        var answer = NanoVlmProgram.Run(folder.Path, "generate", "--model", "checkpoints/run/last", "--image", "data/images/test/000000.png", "--prompt", "How many?", "--greedy", "--max-new-tokens", "3", "--json");
        var json = JsonNode.Parse(answer.Succeeded())!;
        Assert.Equal(1, (int)json["tiles"]!);
        Assert.InRange(json["ids"]!.AsArray().Count, (string)json["stop_reason"]! == "end_of_text" ? 0 : 3, 3);
    }

    [Fact]
    public void A_checkpoint_of_SigLIP_and_Llama_has_nanoVLMs_keys_alone()
    {
        Train(Config("siglip-vision", "llama-smollm2-like", "linear")).Succeeded();
        string[] Keys(string file) => [.. JsonNode.Parse(File.ReadAllText(file))!.AsObject().Select(entry => entry.Key)];
        Assert.Equal(Keys(RepositoryFiles.At("tests/goldens/nanovlm-tied/config.json")), Keys(folder["checkpoints/run/last/config.json"]));
    }

    [Fact]
    public void What_a_run_records_of_its_configuration_trains_the_same_model_again()
    {
        var first = Train(Config("dinov3-vits16-like", "gemma3-text", "mlp"));
        first.Succeeded();
        var record = JsonNode.Parse(File.ReadAllText(folder["checkpoints/run/run.json"]))!["config"]!.ToJsonString();
        Directory.Move(folder["checkpoints/run"], folder["checkpoints/first"]);
        Train(record).Succeeded();
        Assert.Equal(File.ReadAllBytes(folder["checkpoints/first/last/model.safetensors"]), File.ReadAllBytes(folder["checkpoints/run/last/model.safetensors"]));
    }

    [Fact]
    public void What_comes_with_the_pretrained_model_is_not_written_beside_it()
    {
        var result = Train(Config("siglip-vision", "llama-smollm2-like", "linear"), "model.vision.hidden_size=48", "model.language.rope_theta=10000");
        result.Failed(2, "model.vision.hidden_size: comes with the pretrained model", "model.language.rope_theta: comes with the pretrained model");
    }

    [Theory]
    [InlineData("model.vision.pretrained=nowhere/at/all", 1, "model.vision.pretrained", "'nowhere/at/all' is neither a folder nor a name on the Hub")]
    [InlineData("model.projector.pixel_shuffle_factor=3", 2, "mp_pixel_shuffle_factor", "3 does not divide the grid of 8 x 8")]
    [InlineData("model.image.tile_size=60", 2, "vit_img_size", "60 is not a multiple")]
    [InlineData("data.max_tokens=300", 2, "data.max_tokens", "300 is more than the language model's max_position_embeddings, 256")]
    [InlineData("data.max_tokens=16", 2, "data.max_tokens", "no room for text beside the 16 tokens of one tile")]
    public void Parts_that_do_not_fit_are_named_before_a_run_begins(string set, int exitCode, params string[] said)
    {
        Train(Config("siglip-vision", "llama-smollm2-like", "linear"), set).Failed(exitCode, said);
        Assert.False(Directory.Exists(folder["checkpoints"]));
    }

    [Fact]
    public void A_folder_of_an_unknown_architecture_is_named()
    {
        Directory.CreateDirectory(folder["other"]);
        File.WriteAllText(folder["other/config.json"], """{ "model_type": "mamba" }""");
        Train(Config("siglip-vision", "llama-smollm2-like", "linear"), $"model.language.pretrained={folder["other"]}")
            .Failed(2, "other/config.json", "model_type", "'mamba' is not supported as a language model; supported are llama, gemma3_text");
    }

    public void Dispose() => folder.Dispose();

    private ProgramResult Train(string config, params string[] overrides)
    {
        File.WriteAllText(folder["run.json"], config);
        return NanoVlmProgram.Run(folder.Path, ["train", "--config", "run.json", .. overrides.SelectMany(set => new[] { "--set", set })]);
    }

    private static string Config(string vision, string language, string projector) => $$"""
        {
          "model": {
            "vision": { "pretrained": "{{RepositoryFiles.At("tests/goldens/" + vision)}}" },
            "language": { "pretrained": "{{RepositoryFiles.At("tests/goldens/" + language)}}", "pad_vocabulary_to_multiple_of": 64 },
            "projector": { "pixel_shuffle_factor": 2, "kind": "{{projector}}" },
            "image": { "tile_size": 64 },
            "tokenizer": "{{RepositoryFiles.At("configs/shapes-tokenizer")}}",
          },
          "data": { "train": [ { "kind": "shapes", "path": "data", "images": 8, "validation": 2, "test": 2, "questions_per_image": 1 } ], "max_tokens": 200, "workers": 1 },
          "train": { "run_name": "run", "max_steps": 2, "batch_size": 2, "threads": 1, "precision": "fp32", "eval_limit": 2 },
        }
        """;
}
