using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Layers;
using NanoVlm.Models;
using NanoVlm.Vision;
using NanoVlm.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>Models out of Hugging Face's folders: parts of larger ones, damaged ones, and ones to train on.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class PretrainedTests
{
    [Fact]
    public void Everything_wrong_with_the_weights_is_in_one_message_with_the_file()
    {
        using var golden = new HuggingFaceGolden("llama3-like");
        var damaged = golden.Variant("damaged", weights =>
        {
            weights.Remove("model.layers.1.mlp.up_proj.weight");
            weights["model.layers.0.self_attn.q_proj.weight"] = zeros(64, 63);
            weights["model.norm.weight"] = ones(64, ScalarType.Int32);
            weights["model.layers.2.mlp.up_proj.weight"] = zeros(96, 64); // a layer too many is as unexpected
            weights["model.norm.bias"] = zeros(64);
            weights["model.layers.0.mlp.up_proj.weight_scale"] = ones(1); // a quantised model's, which cannot be left out
            weights["stray"] = zeros(1);
            return weights;
        });
        var message = Assert.Throws<NanoVlmException>(() => Pretrained.LoadLanguageModel(damaged)).Message;
        Assert.StartsWith(Path.Combine(damaged, "model.safetensors"), message);
        Assert.Contains("model.layers.1.mlp.up_proj.weight is missing (expected [96, 64])", message);
        Assert.Contains("model.layers.0.self_attn.q_proj.weight has shape [64, 63], expected [64, 64]", message);
        Assert.Contains("model.norm.weight is I32, expected a floating-point type", message);
        Assert.Contains("model.norm.bias is unexpected", message);
        Assert.Contains("stray is unexpected", message);
        Assert.Contains("model.layers.0.mlp.up_proj.weight_scale is unexpected", message);
        Assert.Contains("model.layers.2.mlp.up_proj.weight is unexpected", message);
        Assert.Equal(8, message.Split('\n').Length);
    }

    [Theory, InlineData("siglip-vision"), InlineData("siglip-full"), InlineData("dinov3-vits16-like"), InlineData("dinov2-registers"), InlineData("clip-vision"), InlineData("vit"), InlineData("gemma3-text"), InlineData("gemma3-mm"), InlineData("smolvlm-like")]
    public void Any_one_tensor_missing_misshapen_or_misnamed_is_found(string name)
    {
        using var golden = new HuggingFaceGolden(name);
        var names = HuggingFaceGolden.Tensors(Path.Combine(golden.Folder, "model.safetensors")).Keys.Where(key => !key.EndsWith("mask_token", StringComparison.Ordinal)).ToArray();
        for (var i = 0; i < names.Length; i += 5) // a sample, for the sake of time
        {
            Refused("is missing", weights => weights.Remove(names[i]));
            Refused("has shape", weights => weights[names[i]] = cat([weights[names[i]].flatten(), zeros(1)], 0));
            Refused("is unexpected", weights => weights[names[i] + "x"] = zeros(1));

            void Refused(string what, Action<Dictionary<string, Tensor>> damage)
            {
                var folder = golden.Variant($"{what} {i}", weights =>
                {
                    damage(weights);
                    return weights;
                });
                var message = Assert.Throws<NanoVlmException>(() => Load(name, folder)).Message;
                Assert.Contains(string.Join('.', names[i].Split('.').TakeLast(2)), message);
                Assert.Contains(what, message);
            }
        }
    }

    [Theory, InlineData("siglip-vision", "embeddings.patch_embedding.weight"), InlineData("gemma3-text", "embed_tokens.weight")]
    public void Weights_of_another_family_are_said_to_lack_the_tensor_that_all_names_hang_on(string name, string anchor)
    {
        using var golden = new HuggingFaceGolden(name);
        var message = Refused("none", weights => weights.ToDictionary(pair => "x" + pair.Key.Replace('.', '_'), pair => pair.Value));
        Assert.EndsWith($"\n  {anchor} is missing, under any prefix", message);
        message = Refused("two", weights => weights.SelectMany(pair => new[] { "a." + pair.Key, "b." + pair.Key }.Select(key => (key, pair.Value))).ToDictionary());
        Assert.Matches($@"\n  a\..*{anchor} and b\..*{anchor} are both there, expected one of them$", message);

        string Refused(string what, Func<Dictionary<string, Tensor>, Dictionary<string, Tensor>> damage) =>
            Assert.Throws<NanoVlmException>(() => Load(name, golden.Variant(what, damage))).Message;
    }

    [Fact]
    public void A_table_that_contradicts_its_own_config_is_refused_in_training_too()
    {
        using var scope = NewDisposeScope();
        using var gemma = new HuggingFaceGolden("gemma3-text");
        var folder = gemma.Variant("vocabulary");
        Edit(folder, "\"vocab_size\": 150", "\"vocab_size\": 160");
        Assert.Contains("model.embed_tokens.weight has shape [150, 64], expected [160, 64]", Assert.Throws<NanoVlmException>(() => Larger(folder, 1, extra: 9)).Message);

        using var siglip = new HuggingFaceGolden("siglip-vision");
        var positions = siglip.Variant("positions");
        using var tower = new VisionTransformer(HuggingFaceVision.Read(HuggingFaceConfig.Load(positions)) with { ImageSize = 64, Pooler = Pooler.None });
        Edit(positions, "\"image_size\": 32", "\"image_size\": 48");
        Assert.Contains("position_embedding.weight has shape [16, 48], expected [1, 36, 48]", Assert.Throws<NanoVlmException>(() => Pretrained.Fill(tower, positions)).Message);
    }

    [Theory, InlineData("siglip-full", "siglip-vision"), InlineData("siglip-vision", "siglip-vision")]
    public void A_tower_is_read_out_of_what_holds_it(string name, string kind)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var golden = new HuggingFaceGolden(name);
        using var tower = Pretrained.LoadVisionTower(golden.Folder);
        var prefix = name == kind ? "32x32." : "";
        var tokens = tower.call(golden.Expected[prefix + "input.pixel_values"], ScalarType.Float32);
        Near.Equal(golden.Expected[name == kind ? "32x32.output.last_hidden_state" : "output.vision.last_hidden_state"], tokens, 1e-4);
        Near.Equal(golden.Expected[name == kind ? "32x32.output.pooler_output" : "output.vision.pooler_output"], tower.Pool(tokens), 1e-4);
        Assert.False(tower.training);
    }

    [Theory, InlineData("smolvlm-like"), InlineData("gemma3-mm")]
    public void The_parts_of_a_model_are_those_of_the_whole(string name)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var golden = new HuggingFaceGolden(name);
        using var whole = Pretrained.LoadVisionLanguageModel(golden.Folder);
        using var tower = Pretrained.LoadVisionTower(golden.Folder);
        using var decoder = Pretrained.LoadLanguageModel(golden.Folder);
        var pixels = golden.Expected["input.pixel_values"];
        if (pixels.Dimensions == 5) pixels = pixels.flatten(0, 1);
        Near.Equal(golden.Expected["output.image_hidden_states"], whole.Project(tower.call(pixels, ScalarType.Float32), pixels), 1e-4, "image features");
        var features = whole.EncodeImages(pixels);
        var ids = golden.Expected["input.input_ids"];
        var hidden = decoder.forward(whole.Embed(ids, features), golden.Expected["input.attention_mask"], spans: whole.Spans(ids));
        Near.Equal(golden.Expected["output.logits"], decoder.Logits(hidden), 1e-4, "logits");
        var stored = HuggingFaceGolden.Tensors(Path.Combine(golden.Folder, "model.safetensors"));
        var embedding = stored.Single(pair => pair.Key.EndsWith("embed_tokens.weight", StringComparison.Ordinal)).Value;
        Assert.True(embedding.bytes.SequenceEqual(decoder.get_parameter("token_embedding.weight")!.bytes));
        Assert.Equal(decoder.Config.TieWordEmbeddings, ReferenceEquals(decoder.HeadWeight, decoder.get_parameter("token_embedding.weight")));
    }

    // A ViTForImageClassification has no pooler, and a head besides.
    [Fact]
    public void A_classifiers_tower_is_read_and_its_head_left_alone()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var golden = new HuggingFaceGolden("vit");
        var classifier = golden.Variant("classifier", weights =>
        {
            var renamed = weights.Where(pair => !pair.Key.StartsWith("pooler.", StringComparison.Ordinal)).ToDictionary(pair => "vit." + pair.Key, pair => pair.Value);
            renamed["classifier.weight"] = zeros(10, 48);
            renamed["classifier.bias"] = zeros(10);
            return renamed;
        });
        var refused = Assert.Throws<NanoVlmException>(() => Pretrained.LoadVisionTower(classifier)).Message; // a ViTModel without its pooler is damaged
        Assert.Contains("vit.pooler.dense.weight is missing", refused);
        Edit(classifier, "\"ViTModel\"", "\"ViTForImageClassification\"");
        using var tower = Pretrained.LoadVisionTower(classifier);
        Assert.Equal(Pooler.None, tower.Config.Pooler);
        Near.Equal(golden.Expected["32x32.output.last_hidden_state"], tower.call(golden.Expected["32x32.input.pixel_values"], ScalarType.Float32), 1e-4);
    }

    // A ViT with one token more before the patches, and two heads.
    [Fact]
    public void A_distilled_DeiTs_second_token_stands_behind_the_first()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var golden = new HuggingFaceGolden("vit");
        var distilled = golden.Variant("deit", weights =>
        {
            var renamed = weights.Where(pair => !pair.Key.StartsWith("pooler.", StringComparison.Ordinal)).ToDictionary(pair => "deit." + pair.Key, pair => pair.Value);
            var positions = renamed["deit.embeddings.position_embeddings"]; // CLS, patches
            renamed["deit.embeddings.position_embeddings"] = cat([positions.narrow(1, 0, 1), full(1, 1, 48, 0.5f), positions.narrow(1, 1, 16)], 1);
            renamed["deit.embeddings.distillation_token"] = full(1, 1, 48, 0.25f);
            foreach (var head in new[] { "cls_classifier", "distillation_classifier" })
            {
                renamed[head + ".weight"] = zeros(10, 48);
                renamed[head + ".bias"] = zeros(10);
            }
            return renamed;
        });
        Edit(distilled, "\"vit\"", "\"deit\"");
        Edit(distilled, "\"ViTModel\"", "\"DeiTForImageClassificationWithTeacher\"");
        using var tower = Pretrained.LoadVisionTower(distilled);
        var states = new List<Tensor>();
        var pixels = golden.Expected["32x32.input.pixel_values"];
        var tokens = tower.forward(pixels, ScalarType.Float32, states);
        Assert.Equal([2, 2 + 16, 48], tokens.shape);
        var first = golden.Expected["32x32.output.hidden_states.0"]; // what goes into the first block is the ViT's, with the token between
        Near.Equal(cat([first.narrow(1, 0, 1), full(2, 1, 48, 0.75f), first.narrow(1, 1, 16)], 1), states[0], 1e-4);
        Assert.Equal(16, tower.Patches(tokens, pixels).Patches.shape[1]);
        foreach (var state in states) state.Dispose();
    }

    [Fact]
    public void A_tied_head_that_is_stored_as_well_is_accepted()
    {
        using var scope = NewDisposeScope();
        using var golden = new HuggingFaceGolden("gemma3-text");
        var both = golden.Variant("both", weights =>
        {
            weights["lm_head.weight"] = weights["model.embed_tokens.weight"];
            return weights;
        });
        using var decoder = Pretrained.LoadLanguageModel(both);
        Assert.True(decoder.Config.TieWordEmbeddings);
    }

    [Theory, InlineData("gemma3-text", true), InlineData("llama3-like", false)]
    public void A_larger_vocabulary_keeps_its_rows_and_begins_new_ones_near_their_mean(string name, bool tied)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var golden = new HuggingFaceGolden(name);
        var stored = HuggingFaceGolden.Tensors(Path.Combine(golden.Folder, "model.safetensors"));
        using var decoder = Larger(golden.Folder, 1, extra: 9);
        using var again = Larger(golden.Folder, 1, extra: 9);
        using var other = Larger(golden.Folder, 2, extra: 9);
        Assert.Equal(tied, ReferenceEquals(decoder.HeadWeight, Embedding(decoder)));
        Extends(stored["model.embed_tokens.weight"], Embedding(decoder));
        if (!tied) Extends(stored["lm_head.weight"], decoder.HeadWeight);
        Assert.True(Embedding(decoder).bytes.SequenceEqual(Embedding(again).bytes));
        Assert.False(Embedding(decoder).bytes.SequenceEqual(Embedding(other).bytes));
        foreach (var (parameter, shape) in decoder.named_parameters().Where(pair => !pair.name.Contains("embedding") && !pair.name.StartsWith("head")).Select(pair => (pair.name, pair.parameter)))
            Assert.True(shape.bytes.SequenceEqual(again.get_parameter(parameter)!.bytes), parameter);

        static void Extends(Tensor old, Tensor rows)
        {
            var count = old.shape[0];
            Assert.True(old.bytes.SequenceEqual(rows.narrow(0, 0, count).contiguous().bytes));
            var (mean, spread) = (old.mean([0]), (old - old.mean([0])).square().mean([0]).sqrt());
            var made = rows.narrow(0, count, rows.shape[0] - count);
            Assert.True(((made - mean).abs() <= spread * 0.12).all().ToBoolean()); // six deviations of the noise
            for (var i = 0; i < made.shape[0]; i++)
                for (var j = 0; j < i; j++)
                    Assert.True((made[i] - made[j]).abs().max().ToDouble() > 1e-4);
        }
    }

    [Fact]
    public void A_vocabulary_of_the_same_size_is_read_exactly_and_a_smaller_one_is_refused()
    {
        using var scope = NewDisposeScope();
        using var golden = new HuggingFaceGolden("gemma3-text");
        using var same = Larger(golden.Folder, 1, extra: 0);
        using var loaded = Pretrained.LoadLanguageModel(golden.Folder);
        Assert.True(Embedding(loaded).bytes.SequenceEqual(Embedding(same).bytes));
        Assert.Contains("vocabulary of 150 does not fit into one of 149", Assert.Throws<NanoVlmException>(() => Larger(golden.Folder, 1, extra: -1)).Message);
    }

    [Theory]
    [InlineData("siglip-vision", 32), InlineData("siglip-vision", 64), InlineData("siglip-vision", 24), InlineData("gemma3-mm", 48)]
    [InlineData("dinov2", 32), InlineData("dinov2", 56), InlineData("dinov2-registers", 16), InlineData("clip-vision", 40), InlineData("dinov3-vits16-like", 96)]
    public void Positions_are_exact_at_their_own_size_and_interpolated_at_another(string name, int size)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var golden = new HuggingFaceGolden(name);
        using var pretrained = Pretrained.LoadVisionTower(golden.Folder);
        var config = pretrained.Config with { ImageSize = size, Pooler = pretrained.Config.Pooler is Pooler.Attention or Pooler.Tanh ? Pooler.None : pretrained.Config.Pooler };
        using var tower = new VisionTransformer(config);
        Pretrained.Fill(tower, golden.Folder);
        tower.eval();
        using var generator = new Generator(1);
        var pixels = rand([2, 3, size, size], generator: generator);
        // The pretrained tower interpolates at every image; the filled one did it once.
        Near.Equal(pretrained.call(pixels, ScalarType.Float32), tower.call(pixels, ScalarType.Float32), 1e-5, "at another size");
        if (tower.get_parameter("patch_embedding.position_embedding") is not { } positions) return; // DINOv3 turns instead
        var stored = pretrained.get_parameter("patch_embedding.position_embedding")!;
        if (size == pretrained.Config.ImageSize) Assert.True(stored.bytes.SequenceEqual(positions.bytes));
        else Assert.NotEqual(stored.shape, positions.shape);
    }

    private static nn.Module Load(string name, string folder) => name switch
    {
        "siglip-full" => Pretrained.LoadDualEncoder(folder),
        _ when HuggingFaceGolden.Decoders.Contains(name) => Pretrained.LoadLanguageModel(folder),
        _ when HuggingFaceGolden.Multimodal.Contains(name) => Pretrained.LoadVisionLanguageModel(folder),
        _ => Pretrained.LoadVisionTower(folder),
    };

    private static void Edit(string folder, string from, string to)
    {
        var path = Path.Combine(folder, VlmConfig.FileName);
        var text = File.ReadAllText(path);
        Assert.Contains(from, text);
        File.WriteAllText(path, text.Replace(from, to));
    }

    private static Tensor Embedding(CausalLanguageModel decoder) => decoder.get_parameter("token_embedding.weight")!;

    private static CausalLanguageModel Larger(string folder, int seed, int extra)
    {
        var config = HuggingFaceLanguage.Read(HuggingFaceConfig.Load(folder));
        var decoder = new CausalLanguageModel(config with { VocabSize = config.VocabSize + extra });
        using var generator = new Generator((ulong)seed);
        try
        {
            Pretrained.Fill(decoder, folder, generator);
            return decoder;
        }
        catch
        {
            decoder.Dispose();
            throw;
        }
    }
}
