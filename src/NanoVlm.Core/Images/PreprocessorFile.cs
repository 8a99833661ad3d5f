using System.Text.Json;
using System.Text.Json.Nodes;

namespace NanoVlm.Images;

/// <summary>
/// <c>preprocessor_config.json</c>, the Hugging Face file beside a model's weights. Four keys of our own restore the
/// rest: <c>do_image_splitting</c>, <c>max_side</c>, <c>upscale</c> and <c>keep_aspect_ratio</c>; a file without them means one squashed tile.
/// </summary>
public static class PreprocessorFile
{
    /// <summary>The name of the file in a model's folder.</summary>
    public const string FileName = "preprocessor_config.json";

    // Without the suffixes that say how a class computes, not what.
    private static readonly HashSet<string> towers =
        ["SiglipImageProcessor", "CLIPImageProcessor", "CLIPFeatureExtractor", "ViTImageProcessor", "ViTFeatureExtractor", "DeiTImageProcessor",
         "DeiTFeatureExtractor", "BitImageProcessor", "DINOv3ViTImageProcessor", "Gemma3ImageProcessor"];
    private static readonly HashSet<string> splitters = ["Idefics3ImageProcessor", "SmolVLMImageProcessor"];

    /// <summary>Makes the processor that a file describes: one of ours, of a tower (SigLIP, CLIP, ViT, DeiT, DINOv2, DINOv3), of Gemma-3, of Idefics3
    /// or SmolVLM.</summary>
    /// <param name="path">A preprocessor_config.json.</param>
    /// <exception cref="NanoVlmException">The file is missing, is not JSON, lacks a key, or is of a kind that is not supported; the message names
    /// it.</exception>
    public static PixelProcessor Open(string path)
    {
        var file = new PreprocessorKeys(path);
        var kind = file.Text("image_processor_type") ?? file.Text("feature_extractor_type");
        var name = kind?.Replace("Fast", "", StringComparison.Ordinal).Replace("Pil", "", StringComparison.Ordinal);
        if (name is null && file.Has("max_side")) return new ImageProcessor(Load(path));
        if (name is not null && splitters.Contains(name)) return Idefics3(file);
        if (name is null || towers.Contains(name)) return Tower(file, name);
        throw file.Problem($"is for {kind}, which is not supported; {string.Join(", ", towers.Concat(splitters))} are");
    }

    private static TowerProcessor Tower(PreprocessorKeys file, string? name)
    {
        if (file.Flag("do_pan_and_scan", false)) throw file.Problem("asks for do_pan_and_scan, which is not supported; set it to false");
        if (file.Flag("do_pad", false)) throw file.Problem("asks for do_pad, which is not supported; set it to false");
        var (mean, std) = CheckedStatistics(file);
        var clip = name is not null && name.StartsWith("CLIP", StringComparison.Ordinal);
        var config = new TowerProcessorConfig
        {
            Crop = file.Flag("do_center_crop", false) ? file.Size("crop_size") : null,
            // SigLIP's, CLIP's and DINOv2's classes resize by bicubic where the file does not say.
            Filter = Filter(file, name is not null && (name.StartsWith("ViT", StringComparison.Ordinal) || name.StartsWith("DINOv3", StringComparison.Ordinal)
                || name.StartsWith("Gemma3", StringComparison.Ordinal)) ? ResampleFilter.Bilinear : ResampleFilter.Bicubic),
            ResizeAsFloats = name == "DINOv3ViTImageProcessor",
            Mean = mean,
            Std = std,
        };
        if (config.ResizeAsFloats && config.Filter == ResampleFilter.Nearest) throw file.Problem("resizes floats to the nearest pixel, which is not supported");
        if (!file.Flag("do_resize", true)) return new TowerProcessor(config);
        // A number is the shorter side in CLIP's old files, a square in the others'.
        var edge = file.Has("size.shortest_edge") ? file.Side("size.shortest_edge") : clip && file.IsNumber("size") ? file.Side("size") : (int?)null;
        if (edge is not null && file.Has("size.longest_edge")) throw file.Problem("has both a shortest_edge and a longest_edge, which is not supported");
        return new TowerProcessor(config with { ShortestEdge = edge, Size = edge is null ? file.Size("size") : null });
    }

    private static Idefics3Processor Idefics3(PreprocessorKeys file)
    {
        var (mean, std) = CheckedStatistics(file);
        return new Idefics3Processor(new Idefics3ProcessorConfig
        {
            TileSize = file.Side("max_image_size.longest_edge"),
            LongestEdge = file.Flag("do_resize", true) ? file.Side("size.longest_edge") : null,
            Split = file.Flag("do_image_splitting", true),
            Filter = Filter(file, ResampleFilter.Lanczos),
            Mean = mean,
            Std = std,
        });
    }

    private static (float[] Mean, float[] Std) CheckedStatistics(PreprocessorKeys file)
    {
        var (mean, std) = Statistics(file);
        if (!std.All(s => float.IsFinite(s) && s > 0)) throw file.Problem("has an image_std that is not above 0");
        return (mean, std);
    }

    private static ResampleFilter Filter(PreprocessorKeys file, ResampleFilter missing)
    {
        var filter = (ResampleFilter)file.Integer("resample", (int)missing);
        return Enum.IsDefined(filter) ? filter : throw file.Problem($"asks for resampling filter {(int)filter}; 0 to 5 are known");
    }

    /// <summary>Reads the file.</summary>
    /// <param name="path">A preprocessor_config.json, of a checkpoint of ours or of a tower with a fixed square input.</param>
    /// <returns>What the file says, checked.</returns>
    /// <exception cref="NanoVlmException">The file is missing, is not JSON, lacks a key, or asks for what this processor
    /// does not do (a size that is not square, cropping, no resize).</exception>
    public static ImageProcessorConfig Load(string path)
    {
        var file = new PreprocessorKeys(path);
        if (file.Flag("do_center_crop", false) || !file.Flag("do_resize", true))
            throw file.Problem("crops pictures or leaves their size alone; only a resize to a square is supported");
        var (height, width) = (file.Integer("size.height"), file.Integer("size.width"));
        if (height != width)
            throw file.Problem($"has size {height} x {width}; only squares are supported");
        var config = Statistics(file, new ImageProcessorConfig
        {
            TileSize = height,
            Split = file.Flag("do_image_splitting", false),
            MaxSide = file.Integer("max_side", height),
            Upscale = file.Flag("upscale", false),
            KeepAspectRatio = file.Flag("keep_aspect_ratio", false),
            Filter = (ResampleFilter)file.Integer("resample", (int)ResampleFilter.Bicubic),
        });
        try
        {
            config.Validate();
        }
        catch (NanoVlmException e)
        {
            throw new NanoVlmException($"'{path}': {e.Message}", e);
        }
        return config;
    }

    /// <summary>The configuration with the mean and standard deviation that a tower's file names, whatever size and crop that asks for.</summary>
    /// <param name="config">Where the rest comes from.</param>
    /// <param name="path">The tower's preprocessor_config.json.</param>
    /// <exception cref="NanoVlmException">The file is missing, is not JSON, or lacks a key.</exception>
    public static ImageProcessorConfig WithStatisticsOf(this ImageProcessorConfig config, string path) => Statistics(new PreprocessorKeys(path), config);

    /// <summary>Writes the file; <see cref="Load"/> gives the same configuration back.</summary>
    /// <param name="config">What to write.</param>
    /// <param name="path">The file, replaced if there is one.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(ImageProcessorConfig config, string path)
    {
        var keys = new JsonObject
        {
            ["do_convert_rgb"] = true,
            ["do_image_splitting"] = config.Split,
            ["do_normalize"] = true,
            ["do_rescale"] = true,
            ["do_resize"] = true,
            ["image_mean"] = new JsonArray([.. config.Mean.Select(m => JsonValue.Create(m))]),
            ["image_std"] = new JsonArray([.. config.Std.Select(s => JsonValue.Create(s))]),
            ["keep_aspect_ratio"] = config.KeepAspectRatio,
            ["max_side"] = config.MaxSide,
            ["resample"] = (int)config.Filter,
            ["rescale_factor"] = 1 / 255.0,
            ["size"] = new JsonObject { ["height"] = config.TileSize, ["width"] = config.TileSize },
            ["upscale"] = config.Upscale,
        };
        File.WriteAllText(path, keys.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    private static ImageProcessorConfig Statistics(PreprocessorKeys file, ImageProcessorConfig config)
    {
        var (mean, std) = Statistics(file);
        return config with { Mean = mean, Std = std };
    }

    private static (float[] Mean, float[] Std) Statistics(PreprocessorKeys file)
    {
        // Pixels of another scale than [0, 1] are the same thing with a mean and deviation of that scale.
        var scale = file.Flag("do_rescale", true) ? 255 * file.Number("rescale_factor", 1 / 255.0) : 255;
        if (!(scale > 0) || !double.IsFinite(scale)) throw file.Problem("has a rescale_factor that is not above 0");
        if (Math.Abs(scale - 1) < 1e-6) scale = 1;
        if (!file.Flag("do_normalize", true)) return ([0, 0, 0], [(float)(1 / scale), (float)(1 / scale), (float)(1 / scale)]);
        return (file.Colour("image_mean", scale), file.Colour("image_std", scale));
    }
}
