using System.Diagnostics;
using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Models;
using NanoVlm.Vision;
using NanoVlm.Weights;
using NanoVlm.Weights.Names;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>
/// The published architectures at their real size with random weights: writes their folders as they are on the Hub, counts their parameters, and lets the
/// real program train two steps of nanovlm_222m and dinov3_gemma from them, save, go on to a third, save, reload and answer.
/// </summary>
internal static class RealSize
{
    private sealed record Part(string Name, string Config, string Prefix, long Published);

    private static readonly Part Siglip = new(
        "siglip-base-patch16-224", """{"model_type": "siglip", "text_config": {"model_type": "siglip_text_model"}, "vision_config": {"model_type": "siglip_vision_model"}}""",
        "vision_model.", 92_884_224);

    private static readonly Part SmolLm2 = new(
        "SmolLM2-135M", """
        {"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
         "max_position_embeddings": 8192, "rope_theta": 100000, "rms_norm_eps": 1e-05, "tie_word_embeddings": true, "vocab_size": 49152}
        """, "model.", 134_515_008);

    private static readonly Part Dinov3 = new(
        "dinov3-vits16plus", """
        {"model_type": "dinov3_vit", "hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 12, "num_attention_heads": 6, "num_register_tokens": 4,
         "hidden_act": "silu", "use_gated_mlp": true, "image_size": 224, "patch_size": 16}
        """, "", 28_692_864); // published as 29M

    private static readonly Part Gemma3 = new(
        "gemma-3-270m-it", """
        {"model_type": "gemma3_text", "hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256,
         "max_position_embeddings": 32768, "sliding_window": 512, "query_pre_attn_scalar": 256, "vocab_size": 262144}
        """, "model.", 268_098_176);

    internal static HuggingFaceConfig Dinov3Config => Read(Dinov3);

    internal static HuggingFaceConfig Gemma3Config => Read(Gemma3);

    /// <summary>Runs all of it.</summary>
    /// <param name="folder">Where the folders go; some gigabytes.</param>
    internal static void Run(string folder)
    {
        var root = Root();
        foreach (var part in new[] { Siglip, SmolLm2, Dinov3, Gemma3 })
        {
            var count = Write(part, Path.Combine(folder, part.Name));
            Console.WriteLine(FormattableString.Invariant($"{part.Name,-26}{count,14:N0} parameters, {(count == part.Published ? "as published" : $"PUBLISHED {part.Published:N0}")}"));
        }
        Train("nanovlm_222m", Siglip, SmolLm2, "--set", "data.max_tokens=256");
        Train("dinov3_gemma", Dinov3, Gemma3, "--set", "model.image.tile_size=256", "model.image.max_side=512");

        void Train(string config, Part vision, Part language, params string[] more)
        {
            var data = Path.Combine(folder, "shapes");
            string[] run = [
                "train", "--config", $"configs/{config}.json", .. more, "--set", $"model.vision.pretrained={folder}/{vision.Name}", $"model.language.pretrained={folder}/{language.Name}",
                $"model.tokenizer={root}/configs/shapes-tokenizer", $"train.output_dir={folder}", $"train.run_name=run_{config}", $"data.train[0].path={data}",
                "data.train[0].images=16", "data.train[0].validation=2", "data.train[0].test=2", "data.train[0].questions_per_image=2",
                "train.max_steps=3", "train.batch_size=2", "train.gradient_accumulation=1", "train.log_every=1", "train.eval_limit=2", "eval.limit=2",
            ];
            Nanovlm(root, [.. run, "train.stop_at_step=2"]);
            Nanovlm(root, [.. run, "--resume"]);
            Nanovlm(root, ["generate", "--model", $"{folder}/run_{config}/last", "--image", $"{data}/images/test/000000.png", "--prompt", "How many objects are there?", "--greedy", "--max-new-tokens", "4"]);
            Directory.Delete($"{folder}/run_{config}", recursive: true);
        }
    }

    // DINOv3's mask token is of its pretraining alone: a model here has none, but the folders do.
    private static long Write(Part part, string folder)
    {
        using var scope = NewDisposeScope();
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, VlmConfig.FileName), part.Config);
        var config = HuggingFaceConfig.Load(folder);
        var (names, module) = HuggingFaceLanguage.Knows(config.ModelType)
            ? (config.ModelType == "llama" ? LanguageNames.Llama : LanguageNames.Gemma3, (nn.Module)new CausalLanguageModel(HuggingFaceLanguage.Read(config)))
            : (VisionNames.Of(HuggingFaceVision.Family(config)), new VisionTransformer(HuggingFaceVision.Read(config)));
        using (module)
        {
            using var generator = new Generator(1);
            foreach (var parameter in module.parameters()) nn.init.normal_(parameter, 0, 0.02, generator);
            var tensors = ParameterNames.Export(module, names, part.Prefix).ToDictionary();
            if (part == Dinov3) tensors["embeddings.mask_token"] = zeros(1, 1, 384);
            SafeTensorsWriter.Write(Path.Combine(folder, ModelWeights.SingleFile), tensors, new Dictionary<string, string> { ["format"] = "pt" });
            return tensors.Values.Sum(tensor => tensor.numel());
        }
    }

    private static HuggingFaceConfig Read(Part part)
    {
        var folder = Directory.CreateTempSubdirectory("nanovlm-bench-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, VlmConfig.FileName), part.Config);
            return HuggingFaceConfig.Load(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Nanovlm(string root, string[] arguments)
    {
        Console.WriteLine($"\n$ ./nanovlm {string.Join(' ', arguments.Select(argument => argument.Contains(' ') ? $"\"{argument}\"" : argument))}");
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(root, "nanovlm"), arguments) { WorkingDirectory = root })!;
        process.WaitForExit();
        if (process.ExitCode != 0) throw new NanoVlmException($"nanovlm {arguments[0]} ended with {process.ExitCode}");
        Console.WriteLine(FormattableString.Invariant($"({clock.Elapsed.TotalSeconds:F1} s)"));
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "NanoVlm.sln"))) folder = folder.Parent ?? throw new NanoVlmException("The repository's root is in no folder above the program.");
        return folder.FullName;
    }
}
