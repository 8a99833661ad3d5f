using NanoVlm.Images;

namespace NanoVlm.Tests.Images;

public sealed class PreprocessorFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nanovlm").FullName;

    private string Path => System.IO.Path.Combine(folder, PreprocessorFile.FileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void What_is_saved_is_loaded()
    {
        var config = new ImageProcessorConfig
        {
            TileSize = 48,
            MaxSide = 144,
            Split = true,
            Upscale = true,
            KeepAspectRatio = true,
            Filter = ResampleFilter.Lanczos,
            Mean = [0.485f, 0.456f, 0.406f],
            Std = [0.229f, 0.224f, 0.225f],
        };
        foreach (var saved in new[] { config, config with { Split = false, Upscale = false }, new ImageProcessorConfig() })
        {
            PreprocessorFile.Save(saved, Path);
            var loaded = PreprocessorFile.Load(Path);
            Assert.Equal(saved, loaded with { Mean = saved.Mean, Std = saved.Std });
            Assert.Equal(saved.Mean, loaded.Mean);
            Assert.Equal(saved.Std, loaded.Std);
        }
    }

    [Fact]
    public void Another_scale_of_pixels_means_another_mean_and_deviation()
    {
        // (v / 127.5 - 1) / 1 is (v / 255 - 0.5) / 0.5.
        File.WriteAllText(Path, """{"size": {"height": 8, "width": 8}, "rescale_factor": 0.00784313725490196, "image_mean": [1, 1, 1], "image_std": [1, 1, 1]}""");
        var config = PreprocessorFile.Load(Path);
        Assert.Equal([0.5f, 0.5f, 0.5f], config.Mean);
        Assert.Equal([0.5f, 0.5f, 0.5f], config.Std);
    }

    [Fact]
    public void Statistics_are_read_whatever_size_a_tower_asks_for()
    {
        File.WriteAllText(Path, """{"size": {"shortest_edge": 256}, "do_center_crop": true, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}""");
        var config = new ImageProcessorConfig { TileSize = 64, MaxSide = 128 }.WithStatisticsOf(Path);
        Assert.Equal(64, config.TileSize);
        Assert.Equal([0.1f, 0.2f, 0.3f], config.Mean);
        Assert.Equal([0.4f, 0.5f, 0.6f], config.Std);
    }

    [Theory]
    [InlineData("""{"size": {"height": 8, "width": 8}}""", "image_mean")]
    [InlineData("""{"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "size.height")]
    [InlineData("""{"size": {"height": 24, "width": 32}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", "24 x 32")]
    [InlineData("""{"size": {"height": 8, "width": 8}, "image_mean": [0, 0], "image_std": [1, 1, 1]}""", "image_mean")]
    [InlineData("""{"size": {"height": 8, "width": 8}, "image_mean": [0, 0, 0], "image_std": [0, 1, 1]}""", "standard deviation")]
    [InlineData("""{"size": {"height": 8, "width": 8}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "resample": 9}""", "filter 9")]
    [InlineData("""{"size": {"height": 8, "width": 8}, "do_resize": "yes"}""", "do_resize")]
    [InlineData("""{"size": {"height": 8, "width": 8}, "do_center_crop": true}""", "crops")]
    [InlineData("""{"size": """, "not JSON")]
    [InlineData("[]", "object")]
    public void A_wrong_file_is_refused_by_name_and_key(string json, string part)
    {
        File.WriteAllText(Path, json);
        var problem = Assert.Throws<NanoVlmException>(() => PreprocessorFile.Load(Path));
        Assert.Contains(Path, problem.Message);
        Assert.Contains(part, problem.Message);
    }

    [Fact]
    public void A_byte_order_mark_is_no_matter()
    {
        File.WriteAllText(Path, """{"size": {"height": 8, "width": 8}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}""", new System.Text.UTF8Encoding(true));
        Assert.Equal(8, PreprocessorFile.Load(Path).TileSize);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        Assert.Contains(Path, Assert.Throws<NanoVlmException>(() => PreprocessorFile.Load(Path)).Message);
    }
}
