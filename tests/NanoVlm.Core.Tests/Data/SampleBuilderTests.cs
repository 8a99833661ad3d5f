using System.Text.Json;
using NanoVlm.Data;
using NanoVlm.Images;
using NanoVlm.Tests.Text;
using NanoVlm.Text;

namespace NanoVlm.Tests.Data;

public sealed class SampleBuilderTests
{
    private static readonly Lazy<Tokenizer> _loaded = new(() => ImageTokens.AddTo(Tokenizer.Load(Path.Combine(TextGoldens.Repository, "configs", "shapes-tokenizer"))));
    private static readonly RgbImage _grey = new(16, 16, [.. Enumerable.Repeat((byte)128, 16 * 16 * 3)]);

    internal static Tokenizer Tokenizer => _loaded.Value;

    internal static SampleBuilder Builder(int maxTokens = int.MaxValue, bool split = false, bool independentTurns = false) =>
        new(_loaded.Value, new ImageProcessor(new ImageProcessorConfig { TileSize = 16, MaxSide = 32, Split = split }), tokensPerTile: 4, new SampleOptions { MaxTokens = maxTokens, IndependentTurns = independentTurns });

    [Fact]
    public void Ids_labels_and_tiles_are_those_of_nanoVLM()
    {
        string folder = TextGoldens.Folder("nanovlm-data");
        var tokenizer = ImageTokens.AddTo(Tokenizer.Load(Path.Combine(folder, "tokenizer")));
        int compared = 0;
        foreach (var item in TextGoldens.Expected("nanovlm-data").GetProperty("vqa_dataset").EnumerateArray())
        {
            var row = item.GetProperty("item");
            var result = item.GetProperty("result");
            var builder = new SampleBuilder(tokenizer, new ImageProcessor(new ImageProcessorConfig
            {
                TileSize = item.GetProperty("splitted_image_size").GetInt32(),
                MaxSide = item.GetProperty("max_img_size").GetInt32(),
                Upscale = item.GetProperty("resize_to_max_side_len").GetBoolean(),
            }), item.GetProperty("mp_image_token_length").GetInt32(), new SampleOptions { MinimumRatings = new(Least("relevance"), Least("image_correspondence"), Least("visual_dependency"), Least("formatting")) });
            var images = row.GetProperty("images") is { ValueKind: JsonValueKind.Array } names ? names.Strings() : [];
            var turns = row.GetProperty("texts").EnumerateArray().Select((turn, i) => new Turn(turn.GetProperty("user").GetString()!, turn.GetProperty("assistant").GetString()!)
            {
                Ratings = new(Rating("relevance", i), Rating("image_correspondence", i), Rating("visual_dependency", i), Rating("formatting", i)),
            });
            var raw = new RawSample("golden", [.. images.Select(name => new StoredImage(Path.Combine(folder, name)))], [.. turns], []);
            compared++;
            if (result.ValueKind == JsonValueKind.Null)
            {
                Assert.Equal(DropReason.LowRatings, Assert.Throws<DroppedSampleException>(() => builder.Plan(raw)).Reason);
                continue;
            }
            var sample = builder.Build(raw);
            Assert.Equal(result.GetProperty("input_ids").Ints(), sample.InputIds);
            Assert.Equal(result.GetProperty("labels").Ints(), sample.Labels);
            Assert.Equal(result.GetProperty("image_shapes").EnumerateArray().Sum(shape => shape[0].GetInt32()), sample.Tiles);
            Assert.All(result.GetProperty("attention_mask").Ints(), seen => Assert.Equal(1, seen));

            int Least(string measure) => item.GetProperty("min_ratings").TryGetProperty($"{measure}_min_rating", out var least) ? least.GetInt32() : 1;

            int? Rating(string measure, int turn) =>
                row.TryGetProperty($"{measure}_ratings", out var ratings) && turn < ratings.GetArrayLength() && ratings[turn].ValueKind == JsonValueKind.Number ? ratings[turn].GetInt32() : null;
        }
        Assert.Equal(28, compared);
    }

    [Fact]
    public void More_images_than_are_allowed_are_refused_by_their_number()
    {
        var builder = new SampleBuilder(_loaded.Value, new ImageProcessor(new ImageProcessorConfig { TileSize = 16, MaxSide = 32 }), tokensPerTile: 4, new SampleOptions { MaxImages = 2 });
        Turn[] turns = [new("What is there?", "nothing")];
        Assert.Equal(2, builder.Build(new RawSample("two", Grey("a", "b"), turns, [])).Tiles);
        var error = Assert.Throws<DroppedSampleException>(() => builder.Build(new RawSample("three", Grey("a", "b", "c"), turns, [])));
        Assert.Contains("three: has 3 images; at most 2 are allowed (data.max_images)", error.Message);
    }

    [Fact]
    public void Labels_stand_on_answers_and_their_end_of_turn_alone()
    {
        var sample = Builder().Build(Raw([new Turn("What colour is the circle?", "red"), new Turn("Is there a red circle?", "yes")]));
        var predicted = sample.Labels.Select((label, i) => (label, i)).Where(pair => pair.label != -100).ToArray();
        Assert.Equal("red<|im_end|>\nyes<|im_end|>\n", _loaded.Value.Decode([.. predicted.Select(pair => pair.label)]));
        Assert.All(predicted, pair => Assert.Equal(sample.InputIds[pair.i + 1], pair.label));
        Assert.Equal(-100, sample.Labels[^1]);
    }

    [Fact]
    public void The_images_stand_at_their_marks_or_before_the_first_question()
    {
        const string image = "<|global_image|><|image|><|image|><|image|><|image|>";
        Assert.Equal($"{image}What?", User(["a"], "What?"));
        Assert.Equal($"{image}What?", User(["a"], "<image>\nWhat?"));
        Assert.Equal($"What is {image}?", User(["a"], "What is <image>?"));
        Assert.Equal($"<image: 0>{image}<image: 1>{image}Same?", User(["a", "b"], "Same?"));
        Assert.Equal($"Is <image: 0>{image} like <image: 1>{image}?", User(["a", "b"], "Is <image> like <image>?"));
        Assert.Equal("plain", User([], "plain"));
        Assert.Equal($"{image}fake ", User(["a"], "fake <|image|>"));

        static string User(string[] images, string question)
        {
            var sample = Builder().Build(new RawSample("row", Grey(images), [new Turn(question, "no")], []));
            Assert.Equal(images.Length, sample.Tiles);
            return _loaded.Value.Decode(sample.InputIds).Split("user\n")[1].Split("<|im_end|>")[0];
        }
    }

    [Fact]
    public void A_hundred_thousand_marks_are_refused_at_once() => Growth.AssertLinear(160_000, (length, _) =>
    {
        var e = Assert.Throws<NanoVlmException>(() => Builder().Plan(Raw([new Turn(string.Concat(Enumerable.Repeat("<image> ", length)), "no")])));
        Assert.Contains($"the text has {length} <image> marks for 1 images", e.Message);
    });

    [Fact]
    public void Marks_that_do_not_fit_the_images_are_named()
    {
        var e = Assert.Throws<NanoVlmException>(() => Builder().Build(Raw([new Turn("<image> <image>", "no")])));
        Assert.Contains("row:1: the text has 2 <image> marks for 1 images", e.Message);
        Assert.Throws<NanoVlmException>(() => Builder().Build(new RawSample("row:1", [], [new Turn("<image>", "no")], [])));
    }

    [Fact]
    public void A_conversation_that_is_too_long_is_dropped_whole()
    {
        var raw = Raw([.. Enumerable.Repeat(new Turn("What colour is the circle?", "red"), 5)]);
        int whole = Builder().Build(raw).InputIds.Length;
        Assert.Equal(whole, Builder(whole).Build(raw).InputIds.Length);
        var dropped = Assert.Throws<DroppedSampleException>(() => Builder(whole - 1).Build(raw));
        Assert.Equal(DropReason.TooLong, dropped.Reason);
        Assert.Equal($"row:1: has {whole} tokens with its images; at most {whole - 1} are allowed (data.max_tokens).", dropped.Message);
    }

    [Fact]
    public void Independent_turns_that_do_not_fit_beside_the_others_are_left_out_and_counted()
    {
        var raw = Raw([.. Enumerable.Repeat(new Turn("What colour is the circle?", "red"), 5)]);
        int whole = Builder(independentTurns: true).Build(raw).InputIds.Length;
        var plan = Builder(whole - 1, independentTurns: true).Plan(raw);
        Assert.Equal((1, 4), (plan.TurnsLeftOut, plan.Layout!.Documents.Max()));
    }

    [Fact]
    public void A_plan_knows_everything_but_the_pixels()
    {
        var wide = new RgbImage(64, 32, new byte[64 * 32 * 3]);
        var (plan, sample) = (Builder(split: true).Plan(Raw([new Turn("q", "a")], wide)), Builder(split: true).Build(Raw([new Turn("q", "a")], wide)));
        Assert.Equal(sample.InputIds, plan.InputIds);
        Assert.Equal(sample.Labels, plan.Labels);
        Assert.Equal((sample.Tiles, (1, 2)), (plan.Tiles, Assert.Single(plan.Grids)));
        Assert.Equal(sample.Pixels, Builder(split: true).Decode(plan).Pixels);
    }

    [Fact]
    public void More_tiles_than_are_allowed_and_samples_without_a_label_are_dropped_by_name()
    {
        var raw = Raw([new Turn("q", "a")], new RgbImage(64, 32, new byte[64 * 32 * 3]));
        var builder = new SampleBuilder(_loaded.Value, new ImageProcessor(new ImageProcessorConfig { TileSize = 16, MaxSide = 32, Split = true }), 4, new SampleOptions { MaxTiles = 2 });
        Assert.Equal(DropReason.TooManyTiles, Assert.Throws<DroppedSampleException>(() => builder.Plan(raw)).Reason);
        var silent = new SampleBuilder(_loaded.Value.WithChatTemplate("{% for m in messages %}{{ m.content }}{% generation %}{% endgeneration %}{% endfor %}"), new ImageProcessor(new ImageProcessorConfig { TileSize = 16 }), 4);
        Assert.Equal(DropReason.NoLabels, Assert.Throws<DroppedSampleException>(() => silent.Plan(Raw([new Turn("q", "a")]))).Reason);
    }

    [Fact]
    public void Image_tokens_in_the_text_are_taken_out_and_counted()
    {
        var plan = Builder().Plan(Raw([new Turn("a <|image|> b", "c <|image|><|image|>")]));
        Assert.Equal((3, 4), (plan.StrayImageTokens, plan.InputIds.Count(id => id == _loaded.Value.TokenToId(ImageTokens.Image))));
    }

    [Fact]
    public void Independent_turns_read_as_each_would_alone_after_the_images_they_share()
    {
        Turn[] turns = [new("What colour is the circle?", "red"), new("Is there a red circle?", "yes"), new("How many circles are there?", "1")];
        var alone = turns.Select(turn => Builder().Build(Raw([turn]))).ToArray();
        var together = Builder(independentTurns: true).Build(Raw(turns));
        int shared = Array.LastIndexOf(alone[0].InputIds, _loaded.Value.TokenToId(ImageTokens.Image)!.Value) + 1;

        for (int turn = 0; turn < turns.Length; turn++)
        {
            // The shared beginning (document 0) and the turn's own tokens, in the order of their positions.
            var seen = Enumerable.Range(0, together.InputIds.Length).Where(i => together.Layout!.Documents[i] is var document && (document == 0 || document == turn + 1)).ToArray();
            Assert.Equal(alone[turn].InputIds, seen.Select(i => together.InputIds[i]));
            Assert.Equal(alone[turn].Labels[shared..], seen.Skip(shared).Select(i => together.Labels[i]));
            Assert.Equal(Enumerable.Range(0, seen.Length), seen.Select(i => together.Layout!.Positions[i]));
        }
        Assert.Equal(1, together.Tiles);
        Assert.Equal(shared + alone.Sum(sample => sample.InputIds.Length - shared), together.InputIds.Length);
    }

    [Fact]
    public void Independent_turns_with_text_before_their_images_are_refused()
    {
        var raw = Raw([new Turn("first <image>", "a"), new Turn("second <image>", "b")]);
        Assert.Contains("data.turns", Assert.Throws<NanoVlmException>(() => Builder(independentTurns: true).Build(raw)).Message);
    }

    [Fact]
    public void A_split_image_has_a_tile_for_each_place_in_the_text()
    {
        var wide = new RgbImage(32, 16, new byte[32 * 16 * 3]);
        var sample = Builder(split: true).Build(Raw([new Turn("q", "a")], wide));
        Assert.Equal(3, sample.Tiles);
        Assert.Equal(3 * 3 * 16 * 16, sample.Pixels.Length);
        Assert.Equal(12, sample.InputIds.Count(id => id == _loaded.Value.TokenToId(ImageTokens.Image)));
    }

    [Fact]
    public void A_prompt_is_the_conversation_up_to_the_answer()
    {
        var prompt = Builder().Prompt("What colour is the circle?", _grey);
        var whole = Builder().Build(Raw([new Turn("What colour is the circle?", "red")]));
        Assert.Equal(prompt.InputIds, whole.InputIds[..prompt.InputIds.Length]);
        Assert.Equal("red<|im_end|>\n", _loaded.Value.Decode(whole.InputIds[prompt.InputIds.Length..]));
        Assert.Equal(prompt.Pixels, whole.Pixels);
        Assert.All(prompt.Labels, label => Assert.Equal(-100, label));
    }

    private static RawSample Raw(IReadOnlyList<Turn> turns, RgbImage? image = null) => new("row:1", [new StoredImage("grey", ImageCodec.EncodePng(image ?? _grey))], turns, []);

    private static StoredImage[] Grey(params string[] names) => Array.ConvertAll(names, name => new StoredImage(name, ImageCodec.EncodePng(_grey)));
}
