using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

/// <summary>What processors make of pictures, against transformers.</summary>
public sealed class PixelProcessorTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nanovlm").FullName;

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var kind in new[] { "siglip", "siglip2-bilinear", "clip", "dinov3", "gemma3", "smolvlm", "idefics3-nosplit" })
                foreach (var image in Directory.GetFiles(Path.Combine(GoldenTensors.Folders, $"processor-{kind}"), "image*.png"))
                    cases.Add(kind, Path.GetFileNameWithoutExtension(image));
            return cases;
        }
    }

    private string Saved => Path.Combine(folder, PreprocessorFile.FileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_processor_gives_transformers_pixels(string kind, string image)
    {
        var golden = new GoldenTensors($"processor-{kind}");
        var processor = PreprocessorFile.Open(golden.PathOf(PreprocessorFile.FileName));
        var name = golden.Names.Contains($"{image}.pixel_values") ? $"{image}.pixel_values" : $"{image}.torchvision.pixel_values";
        var expected = golden.Floats(name);

        var processed = processor.Process(ImageCodec.Load(golden.PathOf($"{image}.png"), processor.Decoding));

        var shape = golden.Shape(name);
        Assert.Equal(shape[^4..], new[] { processed.Tiles, 3, processed.Height, processed.Width });
        Assert.Equal(expected.Length, processed.Pixels.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], processed.Pixels[i], 1e-6f);
        if (kind == "smolvlm") Assert.Equal(processed.Tiles, processed.Rows * processed.Columns + 1);
    }

    [Theory]
    [InlineData(30, 30, 32, 20)]
    [InlineData(31, 30, 32, 32)]
    [InlineData(50, 21, 32, 21)]
    [InlineData(50, 41, 31, 24)]
    public void A_crop_takes_the_middle_and_is_black_beyond_the_picture(int height, int width, int cropHeight, int cropWidth)
    {
        var pixels = Enumerable.Range(0, height * width * 3).Select(i => (byte)(1 + i % 255)).ToArray();
        var processed = new TowerProcessor(new TowerProcessorConfig { Crop = (cropHeight, cropWidth) }).Process(new RgbImage(width, height, pixels));

        // transformers' center_crop: the picture is padded by the larger half above and to the left, then cut.
        var (top, left) = ((int)Math.Floor((height - cropHeight) / 2.0), (int)Math.Floor((width - cropWidth) / 2.0));
        for (var y = 0; y < cropHeight; y++)
        {
            for (var x = 0; x < cropWidth; x++)
            {
                var (row, column) = (y + top, x + left);
                var inside = row >= 0 && row < height && column >= 0 && column < width;
                Assert.Equal(inside ? pixels[(row * width + column) * 3 + 1] / 255f : 0, processed.Pixels[(cropHeight + y) * cropWidth + x]);
            }
        }
    }

    [Theory]
    [InlineData(60, 40, 33, 22)] // int(22 * 60 / 40)
    [InlineData(40, 61, 22, 33)]
    [InlineData(22, 22, 22, 22)]
    public void The_shorter_side_decides(int height, int width, int newHeight, int newWidth)
    {
        var processed = new TowerProcessor(new TowerProcessorConfig { ShortestEdge = 22 }).Process(new RgbImage(width, height, new byte[height * width * 3]));
        Assert.Equal((newHeight, newWidth), (processed.Height, processed.Width));
    }

    [Fact]
    public void Old_files_with_one_number_for_a_size_are_read()
    {
        File.WriteAllText(Saved, """{"feature_extractor_type": "CLIPFeatureExtractor", "size": 8, "crop_size": 8, "do_center_crop": true, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""");
        Assert.Equal((8, (8, 8)), PreprocessorFile.Open(Saved) is TowerProcessor { Config: var clip } ? (clip.ShortestEdge!.Value, clip.Crop!.Value) : default);
        File.WriteAllText(Saved, """{"feature_extractor_type": "ViTFeatureExtractor", "size": 8, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""");
        Assert.Equal(((8, 8), ResampleFilter.Bilinear), PreprocessorFile.Open(Saved) is TowerProcessor { Config: var vit } ? (vit.Size!.Value, vit.Filter) : default);
    }

    [Theory]
    [InlineData("""{"image_processor_type": "Siglip2ImageProcessor", "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "Siglip2ImageProcessor")]
    [InlineData("""{"image_processor_type": "CLIPImageProcessorFast", "size": {}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "size.height")]
    [InlineData("""{"image_processor_type": "Gemma3ImageProcessor", "do_pan_and_scan": true, "size": 8, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "do_pan_and_scan")]
    [InlineData("""{"image_processor_type": "SmolVLMImageProcessor", "size": {"longest_edge": 8}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "max_image_size.longest_edge")]
    [InlineData("""{"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 0}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "size.shortest_edge")]
    [InlineData("""{"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 8}, "image_mean": [0, 0, 0], "image_std": [1, 0, 1]}""", "image_std")]
    [InlineData("""{"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 8}, "resample": 7, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "filter 7")]
    [InlineData("""{"image_processor_type": "SiglipImageProcessor", "image_mean": [1e999, 0, 0], "image_std": [1, 1, 1]}""", "image_mean")]
    [InlineData("""{"image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 4000}, "max_image_size": {"longest_edge": 1}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "\"max_image_size.longest_edge\" and 4000 under \"size.longest_edge\", which cuts a picture into 16000000 tiles")]
    [InlineData("""{"size": {"height": 8, "width": 8}, "max_side": 808, "do_image_splitting": true, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "max_side) of 808 cuts a picture into 10201 tiles")]
    [InlineData("""{"size": 8, "do_center_crop": true, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "crop_size")]
    public void What_is_not_supported_is_refused_by_name(string json, string part)
    {
        File.WriteAllText(Saved, json);
        var problem = Assert.Throws<NanoVlmException>(() => PreprocessorFile.Open(Saved));
        Assert.Contains(Saved, problem.Message);
        Assert.Contains(part, problem.Message);
    }

    [Theory]
    [InlineData("CLIPImageProcessor", 224, true, 224, ResampleFilter.Bicubic, 0.48145466f, 0.27577711f)]
    [InlineData("BitImageProcessor", 224, true, 224, ResampleFilter.Bicubic, 0.48145466f, 0.27577711f)]
    [InlineData("DeiTImageProcessorFast", 256, false, 224, ResampleFilter.Bicubic, 0.5f, 0.5f)]
    [InlineData("ViTImageProcessor", 224, false, 0, ResampleFilter.Bilinear, 0.5f, 0.5f)]
    [InlineData("SiglipImageProcessor", 224, false, 0, ResampleFilter.Bicubic, 0.5f, 0.5f)]
    [InlineData("DINOv3ViTImageProcessorFast", 224, false, 0, ResampleFilter.Bilinear, 0.485f, 0.225f)]
    public void What_a_file_leaves_out_is_what_its_class_does(string kind, int side, bool shorter, int crop, ResampleFilter filter, float mean, float std)
    {
        File.WriteAllText(Saved, $$"""{"image_processor_type": "{{kind}}"}""");
        var config = Assert.IsType<TowerProcessor>(PreprocessorFile.Open(Saved)).Config;
        Assert.Equal(shorter ? side : null, config.ShortestEdge);
        Assert.Equal(shorter ? null : (side, side), config.Size);
        Assert.Equal(crop == 0 ? null : (crop, crop), config.Crop);
        Assert.Equal((filter, mean, std), (config.Filter, config.Mean[0], config.Std[2]));
    }

    [Theory]
    [InlineData("CLIPFeatureExtractor", 32, null)]
    [InlineData("BitImageProcessor", 32, null)]
    [InlineData("DeiTImageProcessor", null, 32)]
    public void A_bare_size_is_what_its_class_takes_it_for(string kind, int? shorter, int? square)
    {
        File.WriteAllText(Saved, $$"""{"image_processor_type": "{{kind}}", "size": 32, "do_center_crop": false}""");
        var config = Assert.IsType<TowerProcessor>(PreprocessorFile.Open(Saved)).Config;
        Assert.Equal((shorter, square), (config.ShortestEdge, config.Size?.Height));
        Assert.Null(config.Crop);
    }

    [Fact]
    public void Idefics3_never_makes_a_side_longer_than_4096()
    {
        var processed = new Idefics3Processor(new Idefics3ProcessorConfig { LongestEdge = 5000, TileSize = 512 }).Process(new RgbImage(100, 10, new byte[3000]));
        Assert.Equal((1, 8, 9), (processed.Rows, processed.Columns, processed.Tiles));
        File.WriteAllText(Saved, """{"image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 9000}, "max_image_size": {"longest_edge": 41}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""");
        Assert.IsType<Idefics3Processor>(PreprocessorFile.Open(Saved));
    }

    [Fact]
    public void A_picture_that_would_become_too_many_tiles_is_refused()
    {
        var processor = new Idefics3Processor(new Idefics3ProcessorConfig { LongestEdge = null, TileSize = 1 });
        Assert.Contains("10201 tiles", Assert.Throws<NanoVlmException>(() => processor.Process(new RgbImage(101, 101, new byte[101 * 101 * 3]))).Message);
    }

    [Fact]
    public void A_needle_that_would_grow_beyond_measure_is_refused()
    {
        var tower = new TowerProcessor(new TowerProcessorConfig { ShortestEdge = 500 });
        Assert.Contains("cut it", Assert.Throws<NanoVlmException>(() => tower.Process(new RgbImage(1, 100_000, new byte[300_000]))).Message);
        var needle = new Idefics3Processor(new Idefics3ProcessorConfig { TileSize = 16, LongestEdge = 64 }).Process(new RgbImage(1, 100_000, new byte[300_000]));
        Assert.Equal((5, 4, 1), (needle.Tiles, needle.Rows, needle.Columns));
    }
}
