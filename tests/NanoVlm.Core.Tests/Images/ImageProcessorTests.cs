using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

public sealed class ImageProcessorTests
{
    private static readonly GoldenTensors golden = new("nanovlm-data");
    private static readonly JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(golden.PathOf("expected.json"))).RootElement;

    public static TheoryData<int> Small => new(Enumerable.Range(0, expected.GetProperty("image_processor").GetArrayLength()));

    public static TheoryData<int> Large => new(Enumerable.Range(0, expected.GetProperty("image_processor_large").GetArrayLength()));

    [Theory]
    [MemberData(nameof(Small))]
    public void Tiles_are_nanoVLMs(int index)
    {
        var (entry, processed) = Process("image_processor", index);
        var tensor = golden.Floats(entry.GetProperty("tensor").GetString()!);

        Assert.Equal(tensor.Length, processed.Pixels.Length);
        for (var i = 0; i < tensor.Length; i++)
            Assert.Equal(tensor[i], processed.Pixels[i], 1e-6f);
    }

    [Theory]
    [MemberData(nameof(Large))]
    public void Large_pictures_are_split_as_nanoVLM_splits_them(int index)
    {
        var (entry, processed) = Process("image_processor_large", index);
        var length = processed.Pixels.Length / processed.Tiles;
        for (var tile = 0; tile < processed.Tiles; tile++)
        {
            double sum = 0, squares = 0;
            foreach (var value in processed.Pixels.AsSpan(tile * length, length))
            {
                sum += value;
                squares += (double)value * value;
            }
            var mean = sum / length;
            var deviation = Math.Sqrt((squares - sum * mean) / (length - 1));
            Assert.Equal(entry.GetProperty("tile_mean")[tile].GetDouble(), mean, 1e-5);
            Assert.Equal(entry.GetProperty("tile_std")[tile].GetDouble(), deviation, 1e-5);
        }
        foreach (var pair in entry.GetProperty("flat_index_value").EnumerateArray())
            Assert.Equal(pair[1].GetSingle(), processed.Pixels[pair[0].GetInt32()], 1e-6f);
    }

    [Fact]
    public void Pictures_are_resized_to_the_sizes_nanoVLM_chooses()
    {
        foreach (var row in expected.GetProperty("dynamic_resize_hw").GetProperty("rows").EnumerateArray())
            Assert.Equal(
                (row[5].GetInt32(), row[6].GetInt32()),
                ImageProcessor.DynamicResize(row[3].GetInt32(), row[4].GetInt32(), row[0].GetInt32(), row[1].GetInt32(), row[2].GetBoolean()));
    }

    [Theory]
    [InlineData("processor-siglip", 3)]
    [InlineData("processor-gemma3", 2)]
    public void Without_splitting_a_tower_sees_what_its_own_processor_makes(string name, int images)
    {
        var tower = new GoldenTensors(name);
        var processor = new ImageProcessor(PreprocessorFile.Load(tower.PathOf(PreprocessorFile.FileName)));
        for (var i = 0; i < images; i++)
        {
            var pixels = tower.Floats($"image{i}.pixel_values");
            var processed = processor.Process(ImageCodec.Load(tower.PathOf($"image{i}.png")));
            Assert.Equal((1, 1, 1), (processed.Tiles, processed.Rows, processed.Columns));
            Assert.Equal(pixels.Length, processed.Pixels.Length);
            for (var j = 0; j < pixels.Length; j++)
                Assert.Equal(pixels[j], processed.Pixels[j], 1e-6f);
        }
    }

    [Fact]
    public void Every_picture_becomes_whole_tiles_and_the_grid_is_known_beforehand()
    {
        var cases =
            from width in Gen.Choose(1, 200)
            from height in Gen.Choose(1, 200)
            from tile in Gen.Choose(1, 24)
            from side in Gen.Choose(1, 4)
            from upscale in Gen.Elements(true, false)
            from split in Gen.Elements(true, false)
            from keep in Gen.Elements(true, false)
            select (width, height, new ImageProcessorConfig { TileSize = tile, MaxSide = tile * side, Upscale = upscale, Split = split, KeepAspectRatio = keep });
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var (width, height, config) = c;
            var processor = new ImageProcessor(config);
            var processed = processor.Process(new RgbImage(width, height, new byte[width * height * 3]));
            var cells = processed.Rows * processed.Columns;
            return processor.Grid(height, width) == (processed.Rows, processed.Columns)
                && processed.Tiles == (cells == 1 ? 1 : cells + 1)
                && processed.Pixels.Length == processed.Tiles * 3 * config.TileSize * config.TileSize
                && processed.Rows <= Math.Max(1, config.MaxSide / config.TileSize)
                && processed.Columns <= Math.Max(1, config.MaxSide / config.TileSize);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_picture_that_keeps_its_shape_has_margins_of_the_mean_in_the_same_grid()
    {
        var config = new ImageProcessorConfig { TileSize = 16, MaxSide = 64, Mean = [0.4f, 0.5f, 0.6f], Std = [0.2f, 0.2f, 0.2f] };
        var image = new RgbImage(40, 10, [.. Enumerable.Repeat((byte)255, 1200)]); // white, four times as wide as high
        var squashed = new ImageProcessor(config).Process(image);
        var kept = new ImageProcessor(config with { KeepAspectRatio = true }).Process(image);
        Assert.Equal((squashed.Tiles, squashed.Rows, squashed.Columns), (kept.Tiles, kept.Rows, kept.Columns));
        Assert.Equal((4, 1, 3), (kept.Tiles, kept.Rows, kept.Columns));

        // 40 x 10 becomes 48 x 12 in a grid of 48 x 16, and about 16 x 4 in the whole.
        foreach (var (tile, whiteRows) in new[] { (0, 4), (1, 12), (2, 12), (3, 12) })
        {
            var green = kept.Pixels.AsSpan((tile * 3 + 1) * 256, 256).ToArray();
            Assert.Equal(2.5f, green[8 * 16 + 8], 1e-4f);
            Assert.Equal(0f, green[8], 0.02f);
            Assert.Equal(0f, green[15 * 16 + 8], 0.02f);
            Assert.Equal(whiteRows, Enumerable.Range(0, 16).Sum(y => green[y * 16 + 8] / 2.5f), 0.1);
        }
        Assert.All(squashed.Pixels.AsSpan(256, 256).ToArray(), value => Assert.Equal(2.5f, value, 1e-4f));
    }

    [Fact]
    public void Normalization_subtracts_the_mean_and_divides_by_the_deviation()
    {
        var config = new ImageProcessorConfig { TileSize = 4, MaxSide = 8, Mean = [0.1f, 0.2f, 0.3f], Std = [0.5f, 0.25f, 2f] };
        var image = new RgbImage(8, 4, [.. Enumerable.Range(0, 96).Select(i => (byte)(i * 37))]);
        var plain = new ImageProcessor(config with { Mean = [0, 0, 0], Std = [1, 1, 1] }).Process(image);
        var normalized = new ImageProcessor(config).Process(image);

        Assert.Equal(3, normalized.Tiles);
        for (var i = 0; i < plain.Pixels.Length; i++)
        {
            var channel = i / 16 % 3;
            Assert.Equal((plain.Pixels[i] - config.Mean[channel]) / config.Std[channel], normalized.Pixels[i], 1e-6f);
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(32, 100)]
    [InlineData(32, 16)]
    [InlineData(1 << 15, 1 << 15)]
    public void Sides_that_do_not_fit_are_refused(int tile, int side)
    {
        Assert.Throws<NanoVlmException>(() => new ImageProcessor(new ImageProcessorConfig { TileSize = tile, MaxSide = side }));
    }

    [Theory]
    [InlineData(1, 300_000)]
    [InlineData(300_000, 1)]
    public void A_needle_of_a_picture_does_not_eat_the_memory(int width, int height)
    {
        var processor = new ImageProcessor(new ImageProcessorConfig { TileSize = 64, MaxSide = 128 });
        var before = GC.GetAllocatedBytesForCurrentThread();
        var processed = processor.Process(new RgbImage(width, height, new byte[width * height * 3]));
        Assert.Equal(3, processed.Tiles);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 40_000_000);
    }

    private static (JsonElement Entry, ProcessedImage Processed) Process(string list, int index)
    {
        var entry = expected.GetProperty(list)[index];
        var processor = new ImageProcessor(new ImageProcessorConfig
        {
            TileSize = entry.GetProperty("splitted_image_size").GetInt32(),
            MaxSide = entry.GetProperty("max_img_size").GetInt32(),
            Upscale = entry.GetProperty("resize_to_max_side_len").GetBoolean(),
        });
        var processed = processor.Process(ImageCodec.Load(golden.PathOf(entry.GetProperty("image").GetString()!)));
        Assert.Equal((entry.GetProperty("grid")[0].GetInt32(), entry.GetProperty("grid")[1].GetInt32()), (processed.Rows, processed.Columns));
        Assert.Equal(entry.GetProperty("shape")[0].GetInt32(), processed.Tiles);
        return (entry, processed);
    }
}
