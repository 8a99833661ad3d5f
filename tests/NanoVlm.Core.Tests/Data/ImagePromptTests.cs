using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Data;
using NanoVlm.Images;
using NanoVlm.Text;

namespace NanoVlm.Tests.Data;

public sealed class ImagePromptTests
{
    [Fact]
    public void Image_tokens_are_as_many_as_features_whatever_the_pictures()
    {
        var cases =
            from sizes in Gen.Zip(Gen.Choose(1, 90), Gen.Choose(1, 90)).ListOf().Where(list => list.Count is > 0 and < 4)
            from tokens in Gen.Choose(1, 5)
            from whole in Gen.Elements(true, false)
            from keep in Gen.Elements(true, false)
            from idefics in Gen.Elements(true, false)
            select (sizes, tokens, whole, keep, idefics);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            PixelProcessor processor = c.idefics
                ? new Idefics3Processor(new Idefics3ProcessorConfig { TileSize = 8, LongestEdge = 32 })
                : new ImageProcessor(new ImageProcessorConfig { TileSize = 8, MaxSide = 32, KeepAspectRatio = c.keep });
            var markup = c.idefics ? ImageMarkup.Idefics3(c.tokens) : ImageMarkup.NanoVlm(c.tokens, c.whole);
            var prompt = ImagePrompt.Of(processor, markup, [.. c.sizes.Select(s => new RgbImage(s.Item1, s.Item2, new byte[s.Item1 * s.Item2 * 3]))]);
            return prompt.Pixels.Length == prompt.Tiles * 3 * 64
                && prompt.Texts.Sum(text => text.Split(markup.ImageToken).Length - 1) == prompt.Tiles * c.tokens
                && prompt.Texts.Count == c.sizes.Count;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Without_a_token_for_it_the_whole_picture_is_left_out()
    {
        var pixels = Enumerable.Range(0, 8 * 16 * 3).Select(i => (byte)i).ToArray();
        var processor = new ImageProcessor(new ImageProcessorConfig { TileSize = 8, MaxSide = 16 });
        var with = ImagePrompt.Of(processor, ImageMarkup.NanoVlm(1), [new RgbImage(16, 8, pixels)]);
        var without = ImagePrompt.Of(processor, ImageMarkup.NanoVlm(1, wholeImage: false), [new RgbImage(16, 8, pixels)]);
        Assert.Equal((3, 2), (with.Tiles, without.Tiles));
        Assert.Equal(with.Pixels[192..], without.Pixels);
        Assert.Equal("<row_1_col_1><|image|><row_1_col_2><|image|>", without.Texts[0]);
    }

    [Fact]
    public void One_picture_of_Idefics3_in_one_piece_is_the_whole() =>
        Assert.Equal("<fake_token_around_image><global-img><image><image><fake_token_around_image>", ImageMarkup.Idefics3(2).Text(1, 1));
}
