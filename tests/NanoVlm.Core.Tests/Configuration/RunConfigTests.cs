using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Configuration;

namespace NanoVlm.Tests.Configuration;

public sealed class RunConfigTests
{
    private const string Minimal = """{ "data": { "train": [ { "kind": "shapes" } ] } }""";

    [Fact]
    public void Only_what_to_train_on_has_no_default()
    {
        var config = RunConfig.Parse(Minimal);

        Assert.Equal((5000, 8, 0.1), (config.Train.MaxSteps, config.Train.BatchSize, config.Train.MinLrRatio));
        Assert.Equal([0.9, 0.95], config.Train.Betas);
        Assert.Equal((Precision.Auto, DeviceChoice.Auto), (config.Train.Precision, config.Train.Device));
        var shapes = Assert.IsType<ShapesSource>(Assert.Single(config.Data.Train));
        Assert.Equal((20_000, 500, 1_000), (shapes.Images, shapes.Validation, shapes.Test));

        var refusal = Assert.Throws<ConfigurationException>(() => RunConfig.Parse("{}"));
        Assert.Equal("data.train", refusal.Path);
        Assert.Contains("\"kind\": \"shapes\"", refusal.Message);
    }

    [Fact]
    public void The_built_in_configuration_is_the_file_in_configs()
    {
        var builtIn = RunConfig.Load();
        var file = RunConfig.Load(RepositoryFiles.At("configs/shapes.json"));

        Assert.Equal((64, 8, 2), (builtIn.Model.Image.TileSize, builtIn.Model.Vision.PatchSize, builtIn.Model.Projector.PixelShuffleFactor));
        Assert.Equal(WithoutTokenizer(file), WithoutTokenizer(builtIn));

        static string WithoutTokenizer(RunConfig config) => (config with { Model = config.Model with { Tokenizer = null } }).ToJson();
    }

    [Fact]
    public void Comments_and_trailing_commas_and_a_byte_order_mark_are_allowed()
    {
        var config = RunConfig.Parse("\uFEFF// first\n{ \"data\": { \"train\": [ { \"kind\": \"shapes\", }, ], /* why */ \"seed\": 3, }, }");

        Assert.Equal(3, config.Data.Seed);
    }

    [Theory]
    [InlineData("train.lr_projecter", "0.1", "train.lr_projecter", "unknown key; did you mean 'lr_projector'; allowed here: output_dir, run_name, max_steps")]
    [InlineData("eval.during_training_limit", "5", "eval.during_training_limit", "there are no benchmarks to ask questions of")]
    [InlineData("data.train", "[{\"kind\":\"jsonl\",\"path\":\"x\",\"weight\":0}]", "data.train[0].weight", "expected a number greater than 0, found 0")]
    [InlineData("trian.seed", "1", "trian", "unknown key; did you mean 'train'; allowed here: model, data, train, eval")]
    [InlineData("model.vision.depth_of_it_all", "1", "model.vision.depth_of_it_all", "unknown key; allowed here: pretrained, hidden_size")]
    [InlineData("train.max_steps", "\"many\"", "train.max_steps", "expected an integer of at least 1, found the string \"many\"")]
    [InlineData("train.max_steps", "0", "train.max_steps", "expected an integer of at least 1, found 0")]
    [InlineData("train.max_steps", "1.5", "train.max_steps", "expected an integer of at least 1, found 1.5")]
    [InlineData("train.max_steps", "null", "train.max_steps", "expected an integer of at least 1, found null")]
    [InlineData("train.stop_at_step", "true", "train.stop_at_step", "expected an integer of at least 1 or null, found true")]
    [InlineData("train.stop_at_step", "9999", "train.stop_at_step", "9999 comes after max_steps, 5000")]
    [InlineData("train.betas", "[0.9]", "train.betas", "expected a list of 2 numbers, found a list of 1")]
    [InlineData("train.betas", "[0.9, 1]", "train.betas[1]", "expected a number of at least 0 and less than 1, found 1")]
    [InlineData("train.betas", "0.9", "train.betas", "expected a list of 2 numbers, found 0.9")]
    [InlineData("train.lr_vision", "-1e-3", "train.lr_vision", "expected a number of at least 0, found -1e-3")]
    [InlineData("train.warmup_fraction", "1", "train.warmup_fraction", "less than 1, found 1")]
    [InlineData("train.precision", "\"bf-16\"", "train.precision", "expected one of 'auto', 'fp32', 'bf16', found the string \"bf-16\"; did you mean 'bf16'")]
    [InlineData("train.precision", "\"fp16\"", "train.precision", "'fp16' needs loss scaling, without which small gradients vanish; use 'bf16' or 'fp32'")]
    [InlineData("train.precision", "16", "train.precision", "expected one of 'auto', 'fp32', 'bf16', found 16")]
    [InlineData("train.schedule", "\"Cosine\"", "train.schedule", "did you mean 'cosine'")]
    [InlineData("train.run_name", "\"a/b\"", "train.run_name", "cannot be the name of a folder")]
    [InlineData("train.output_dir", "\"\"", "train.output_dir", "name a folder")]
    [InlineData("train", "[]", "train", "expected an object, found a list of 0")]
    [InlineData("data.train", "{}", "data.train", "expected a list of objects, found an object")]
    [InlineData("data.train", "[{}]", "data.train[0].kind", "missing: expected one of 'shapes', 'parquet', 'webdataset', 'jsonl'")]
    [InlineData("data.train", "[7]", "data.train[0]", "expected an object, found 7")]
    [InlineData("data.train", "[{\"kind\":\"shape\"}]", "data.train[0].kind", "expected one of 'shapes', 'parquet', 'webdataset', 'jsonl', found the string \"shape\"; did you mean 'shapes'")]
    [InlineData("data.train", "[{\"kind\":\"jsonl\"}]", "data.train[0].path", "missing: a string is needed")]
    [InlineData("data.train", "[{\"kind\":\"jsonl\",\"path\":\"x\",\"pictures\":1}]", "data.train[0].pictures", "unknown key; allowed here: images, path, subset, split, weight")]
    [InlineData("data.train", "[{\"kind\":\"shapes\",\"weight\":0}]", "data.train[0].weight", "expected a number greater than 0, found 0")]
    [InlineData("data.minimum_ratings", "{\"relevance\": 6}", "data.minimum_ratings.relevance", "at most 5, found 6")]
    [InlineData("data.max_tokens", "2048", "data.max_tokens", "2048 is more than model.language.max_position_embeddings, 1024")]
    [InlineData("data.max_tokens", "16", "data.max_tokens", "no room for text beside the 16 tokens of one tile")]
    [InlineData("model.vision", "{\"pretrained\":\"google/siglip\",\"hidden_size\":64}", "model.vision.hidden_size", "comes with the pretrained model; leave it out")]
    [InlineData("model.language", "{\"pretrained\":\"google/gemma\",\"rope_theta\":10000}", "model.language.rope_theta", "comes with the pretrained model; leave it out")]
    [InlineData("model.language", "{\"pretrained\":\" \"}", "model.language.pretrained", "is empty; name a model folder, or org/name on the Hub")]
    [InlineData("model.projector.kind", "\"mpl\"", "model.projector.kind", "did you mean 'mlp'")]
    [InlineData("model.vision.hidden_size", "130", "model.vision.hidden_size", "130 is not a multiple of num_attention_heads, 4")]
    [InlineData("model.vision.image_size", "128", "model.vision.image_size", "128 differs from model.image.tile_size, 64")]
    [InlineData("model.language.num_key_value_heads", "3", "model.language.num_key_value_heads", "3 does not divide num_attention_heads, 4")]
    [InlineData("model.language.hidden_size", "132", "model.language.hidden_size", "its size must be even")]
    [InlineData("model.image.tile_size", "60", "model.image.tile_size", "60 is not a multiple of model.vision.patch_size, 8")]
    [InlineData("model.image.mean", "[0, 0, 2]", "model.image.mean[2]", "expected a number of at least 0 and at most 1, found 2")]
    [InlineData("model.image.std", "[1, 1, 0]", "model.image.std[2]", "expected a number greater than 0, found 0")]
    [InlineData("model.image", "{\"split\":true,\"max_side\":100}", "model.image.max_side", "100 is not a multiple of tile_size, 64")]
    [InlineData("model.image", "{\"split\":true,\"max_side\":640}", "model.image.max_side", "more than 8 tiles of 64 along a side")]
    [InlineData("model.projector.pixel_shuffle_factor", "3", "model.projector.pixel_shuffle_factor", "3 does not divide the grid of 8 x 8 patches")]
    [InlineData("eval.tasks", "[1]", "eval.tasks[0]", "expected a string, found 1")]
    public void A_mistake_is_answered_with_its_path_and_what_is_allowed(string key, string json, string path, string message)
    {
        var fromFile = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(Nested(key, json), source: "x.json"));
        Assert.Contains(message, fromFile.Message);
        Assert.Equal(path, Assert.Single(fromFile.Problems).Path);
        Assert.StartsWith($"x.json: {path}: ", fromFile.Message);
        Assert.Matches(@"\(line \d+, column \d+\)$", fromFile.Message);

        // The same on the command line: a list's text is the whole argument.
        var set = $"{key}={json}";
        var fromArgument = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(Minimal, [set], "x.json"));
        Assert.Contains(message, fromArgument.Message);
        Assert.Equal(path, Assert.Single(fromArgument.Problems).Path);
        Assert.EndsWith($"(--set {set})", fromArgument.Message);
    }

    [Fact]
    public void All_mistakes_are_reported_together_in_their_order()
    {
        var refusal = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(
            """
            {
              "data": { "train": [ { "kind": "shapes", "sed": 1 } ], "workers": "two" },
              "train": { "lr_vison": 1, "betas": [0.9, "x"] },
              "evals": {}
            }
            """,
            ["train.seed=-1"],
            "x.json"));

        Assert.Equal(
            ["data.train[0].sed", "data.workers", "train.lr_vison", "train.betas[1]", "train.seed", "evals"],
            refusal.Problems.Select(problem => problem.Path));
        Assert.StartsWith("x.json: 6 problems\n  data.train[0].sed: unknown key; did you mean 'seed'", refusal.Message);
        Assert.Equal("line 2, column 51", refusal.Problems[0].Place);
    }

    [Fact]
    public void Rules_about_a_key_stay_silent_while_that_key_is_wrong()
    {
        // 96 heads would not divide 128, but the width was meant to be something else.
        var refusal = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(Minimal, ["model.vision.hidden_sise=192", "model.vision.num_attention_heads=96"]));

        Assert.Equal("model.vision.hidden_sise", Assert.Single(refusal.Problems).Path);
    }

    [Theory]
    [InlineData("{ \"train\": { \"seed\": 1 \n \"device\": 2 } }", "line 2, column 2")]
    [InlineData("", "line 1, column 1")]
    [InlineData("{ } x", "line 1, column 5")]
    [InlineData("{ \"train\": 01 }", "line 1, column 13")]
    public void Broken_JSON_is_answered_with_file_line_and_column(string json, string place)
    {
        var refusal = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(json, source: "x.json"));

        Assert.StartsWith("x.json: not valid JSON: ", refusal.Message);
        Assert.EndsWith($"({place})", refusal.Message);
    }

    [Fact]
    public void A_key_written_twice_is_refused() => Assert.Contains(
        "train.seed: this key is written twice",
        Assert.Throws<ConfigurationException>(() => RunConfig.Parse(
            """{ "data": { "train": [ { "kind": "shapes" } ] }, "train": { "seed": 1, "seed": 2 } }""")).Message);

    [Fact]
    public void A_missing_file_is_a_configuration_mistake_that_lists_what_is_shipped()
    {
        var message = Assert.Throws<ConfigurationException>(() => RunConfig.Load("dinov_gemma.json")).Message;
        Assert.StartsWith("dinov_gemma.json: there is no such file, and no shipped configuration of this name; did you mean 'dinov3_gemma'; shipped are ", message);
        var shipped = Directory.GetFiles(RepositoryFiles.At("configs"), "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal);
        Assert.EndsWith(string.Join(", ", shipped), message);
    }

    [Theory]
    [InlineData("nanovlm_222m")]
    [InlineData("nanovlm_222m.json")]
    public void A_shipped_configuration_is_found_by_its_name(string name) =>
        Assert.Equal(RunConfig.Load(RepositoryFiles.At("configs/nanovlm_222m.json")).ToJson(), RunConfig.Load(name).ToJson());

    [Fact]
    public void A_folder_is_no_configuration() => Assert.Contains(": cannot be read", Assert.Throws<ConfigurationException>(() => RunConfig.Load(AppContext.BaseDirectory)).Message);

    [Fact]
    public void Overrides_reach_sections_lists_and_elements()
    {
        var config = RunConfig.Parse(
            """{ "data": { "train": [ { "kind": "shapes" }, { "kind": "jsonl", "path": "a.jsonl" } ] }, "train": { "betas": [0.9, 0.95] } }""",
            [
                "train.lr_projector=1e-3", "train.seed=1", "train.seed=2", "train.run_name=try=2", "train.betas.1=0.99",
                "data.train[1].path=b.jsonl", "data.train.0.images=7", "train.eval_limit=null", "train.precision=bf16",
            ]);

        Assert.Equal(1e-3, config.Train.LrProjector);
        Assert.Equal(2, config.Train.Seed);
        Assert.Equal("try=2", config.Train.RunName);
        Assert.Equal([0.9, 0.99], config.Train.Betas);
        Assert.Equal("b.jsonl", ((JsonlSource)config.Data.Train[1]).Path);
        Assert.Equal(7, ((ShapesSource)config.Data.Train[0]).Images);
        Assert.Null(config.Train.EvalLimit);
        Assert.Equal(Precision.Bf16, config.Train.Precision);
    }

    [Fact]
    public void An_override_of_a_string_may_look_like_a_number() => Assert.Equal("2024", RunConfig.Parse(Minimal, ["train.run_name=2024"]).Train.RunName);

    [Theory]
    [InlineData("train.seed", "", "expected key=value")]
    [InlineData("=1", "", "expected key=value")]
    [InlineData("data.train[1].path=x", "data.train", "has 1 elements, from 0; there is no '1'")]
    [InlineData("data.train.first.path=x", "data.train", "there is no 'first'")]
    [InlineData("data.train[0].kind.x=1", "data.train[0].kind", "is a plain value and holds no 'x'")]
    public void An_override_that_leads_nowhere_is_refused(string set, string path, string message)
    {
        var refusal = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(Minimal, [set]));

        Assert.Contains(message, refusal.Message);
        Assert.Equal(path, refusal.Path);
        Assert.EndsWith($"(--set {set})", refusal.Message);
    }

    [Fact]
    public void Run_json_holds_every_key_and_reads_back_the_same()
    {
        var json = RunConfig.Load(null, ["train.lr_vision=3e-4", "model.image.split=true", "model.image.max_side=256"]).ToJson();

        Assert.Equal(json, RunConfig.Parse(json).ToJson());
        Assert.Contains("\"lr_vision\": 0.0003", json);
        Assert.Contains("\"kind\": \"shapes\"", json);
        Assert.Contains("\"precision\": \"auto\"", json);
        Assert.Contains("\"stop_at_step\": null", json);
    }

    [Fact]
    public void Any_valid_numbers_survive_run_json()
    {
        var configs =
            from steps in Gen.Choose(1, int.MaxValue)
            from rate in Gen.Choose(1, 1_000_000).Select(value => value / 1e9)
            from beta in Gen.Choose(0, 999).Select(value => value / 1000.0)
            from schedule in Gen.Elements(Enum.GetValues<LearningRateSchedule>())
            select RunConfig.Parse(Minimal) with
            {
                Train = new TrainSection { MaxSteps = steps, LrProjector = rate, Betas = [beta, 0.5], Schedule = schedule },
            };

        Prop.ForAll(configs.ToArbitrary(), config => RunConfig.Parse(config.ToJson()).ToJson() == config.ToJson()).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_tokenizer_is_found_beside_the_configuration()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["words"]);
        File.WriteAllText(folder["run.json"], """{ "model": { "tokenizer": "words" }, "data": { "train": [ { "kind": "shapes" } ] } }""");

        Assert.Equal(folder["words"], RunConfig.Load(folder["run.json"]).Model.Tokenizer);
        Assert.Equal("elsewhere", RunConfig.Load(folder["run.json"], ["model.tokenizer=elsewhere"]).Model.Tokenizer);
        Assert.EndsWith("shapes-tokenizer", RunConfig.Load(folder["run.json"], ["model.tokenizer=null"]).Model.Tokenizer);
    }

    [Theory]
    [InlineData("data.turns=independent", "data.packing", "set data.turns to conversation, or packing to false")]
    [InlineData("data.row_images=3", "data.row_images", "a row must have room for the 4 images of a sample (data.max_images)")]
    public void Packing_is_refused_where_rows_cannot_be_shared(string set, string path, string message)
    {
        var error = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(Minimal, ["data.packing=true", set], "x.json"));
        Assert.Equal(path, Assert.Single(error.Problems).Path);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void Moments_that_bfloat16_cannot_move_are_refused()
    {
        Assert.Equal(OptimizerState.Bf16, RunConfig.Parse(Minimal, ["train.optimizer_state=bf16", "train.betas=[0.9, 0.99]"]).Train.OptimizerState);
        var error = Assert.Throws<ConfigurationException>(() => RunConfig.Parse(Minimal, ["train.optimizer_state=bf16", "train.betas=[0.9, 0.999]"], "x.json"));
        Assert.Equal("train.optimizer_state", Assert.Single(error.Problems).Path);
        Assert.Contains("lower train.betas or use fp32", error.Message);
    }

    [Fact]
    public void The_built_in_tokenizer_is_beside_the_program() =>
        Assert.True(File.Exists(Path.Combine(RunConfig.Load().Model.Tokenizer!, "tokenizer.json")));

    [Fact]
    public void A_run_gives_a_checkpoint_configuration_that_holds_together()
    {
        var config = RunConfig.Load().ToVlmConfig(600);

        Assert.Equal((64, 8, 2, 16), (config.VitImgSize, config.VitPatchSize, config.MpPixelShuffleFactor, config.MpImageTokenLength));
        Assert.Equal((534, 66, 600), (config.LmBaseVocabSize, config.ExtraTokenAmount, config.LmVocabSize));
        Assert.Equal((4, 2, false), (config.LmNHeads, config.LmNKvHeads, config.VlmLoadBackboneWeights));
        Assert.Equal(config.ToJson(), VlmConfig.Parse(config.ToJson()).ToJson());
        Assert.Throws<ConfigurationException>(() => RunConfig.Load().ToVlmConfig(66));
    }

    [Fact]
    public void A_run_that_splits_images_says_how_large_they_may_be()
    {
        var config = RunConfig.Load(null, ["model.image.split=true", "model.image.max_side=256"]).ToVlmConfig(600);

        Assert.Equal((64, 256), (RunConfig.Load().ToVlmConfig(600).MaxImgSize, config.MaxImgSize));
        Assert.Equal(66, config.VlmExtraTokens.Count);
    }

    private static string Nested(string key, string json)
    {
        var names = key.Split('.');
        var text = names.Reverse().Aggregate(json, (inner, name) => $"{{ \"{name}\": {inner} }}");
        return names[0] != "data" ? text[..^1] + """, "data": { "train": [ { "kind": "shapes" } ] } }"""
            : names[1] != "train" ? text[..^3] + """, "train": [ { "kind": "shapes" } ] } }"""
            : text;
    }
}
