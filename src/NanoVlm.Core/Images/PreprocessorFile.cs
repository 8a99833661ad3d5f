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

    // What a class of transformers does where a key is absent: how it resizes, to what side (the shorter one's, or a square's), what it cuts out,
    // and the colours that it was trained with.
    private sealed record Habits(ResampleFilter Filter, int Side, bool ByShorterSide, int? Crop, float[] Mean, float[] Std);

    private static readonly float[] half = [0.5f, 0.5f, 0.5f];
    private static readonly Habits
        clip = new(ResampleFilter.Bicubic, 224, true, 224, [0.48145466f, 0.4578275f, 0.40821073f], [0.26862954f, 0.26130258f, 0.27577711f]),
        deit = new(ResampleFilter.Bicubic, 256, false, 224, half, half),
        vit = new(ResampleFilter.Bilinear, 224, false, null, half, half),
        siglip = vit with { Filter = ResampleFilter.Bicubic },
        dinov3 = vit with { Mean = [0.485f, 0.456f, 0.406f], Std = [0.229f, 0.224f, 0.225f] };

    // Without the suffixes that say how a class computes, not what.
    private static readonly Dictionary<string, Habits> towers = new()
    {
        ["SiglipImageProcessor"] = siglip,
        ["CLIPImageProcessor"] = clip,
        ["CLIPFeatureExtractor"] = clip,
        ["ViTImageProcessor"] = vit,
        ["ViTFeatureExtractor"] = vit,
        ["DeiTImageProcessor"] = deit,
        ["DeiTFeatureExtractor"] = deit,
        ["BitImageProcessor"] = clip,
        ["DINOv3ViTImageProcessor"] = dinov3,
        ["Gemma3ImageProcessor"] = vit,
    };
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
        if (name is null || towers.ContainsKey(name)) return Tower(file, name);
        throw file.Problem($"is for {kind}, which is not supported; {string.Join(", ", towers.Keys.Concat(splitters))} are");
    }

    private static TowerProcessor Tower(PreprocessorKeys file, string? name)
    {
        if (file.Flag("do_pan_and_scan", false)) throw file.Problem("asks for do_pan_and_scan, which is not supported; set it to false");
        if (file.Flag("do_pad", false)) throw file.Problem("asks for do_pad, which is not supported; set it to false");
        // A file that names no class has to say everything but the filter.
        var habits = name is null ? null : towers[name];
        var (mean, std) = CheckedStatistics(file, habits);
        var crops = file.Flag("do_center_crop", habits?.Crop is not null);
        var config = new TowerProcessorConfig
        {
            Crop = !crops ? null : habits?.Crop is { } crop && !file.Has("crop_size") ? (crop, crop) : file.Size("crop_size"),
            Filter = Filter(file, habits?.Filter ?? ResampleFilter.Bicubic),
            ResizeAsFloats = name == "DINOv3ViTImageProcessor",
            Mean = mean,
            Std = std,
        };
        if (config.ResizeAsFloats && config.Filter == ResampleFilter.Nearest) throw file.Problem("resizes floats to the nearest pixel, which is not supported");
        if (!file.Flag("do_resize", true)) return new TowerProcessor(config);
        if (habits is not null && !file.Has("size"))
            return new TowerProcessor(habits.ByShorterSide ? config with { ShortestEdge = habits.Side } : config with { Size = (habits.Side, habits.Side) });
        // A number is the shorter side to some classes, a square to others.
        var edge = file.Has("size.shortest_edge") ? file.Side("size.shortest_edge") : habits is { ByShorterSide: true } && file.IsNumber("size") ? file.Side("size") : (int?)null;
        if (edge is not null && file.Has("size.longest_edge")) throw file.Problem("has both a shortest_edge and a longest_edge, which is not supported");
        return new TowerProcessor(config with { ShortestEdge = edge, Size = edge is null ? file.Size("size") : null });
    }

    private static Idefics3Processor Idefics3(PreprocessorKeys file)
    {
        var (mean, std) = CheckedStatistics(file);
        var tile = file.Side("max_image_size.longest_edge");
        int? edge = file.Flag("do_resize", true) ? file.Side("size.longest_edge") : null;
        if (edge is not null && Idefics3Processor.MostTiles(edge.Value, tile) is > PixelProcessor.MaxTiles and var most)
            throw file.Problem($"has {tile} under \"max_image_size.longest_edge\" and {edge} under \"size.longest_edge\", which cuts a picture into {most} tiles; {PixelProcessor.MaxTiles} are the most");
        return new Idefics3Processor(new Idefics3ProcessorConfig
        {
            TileSize = tile,
            LongestEdge = edge,
            Split = file.Flag("do_image_splitting", true),
            Filter = Filter(file, ResampleFilter.Lanczos),
            Mean = mean,
            Std = std,
        });
    }

    private static (float[] Mean, float[] Std) CheckedStatistics(PreprocessorKeys file, Habits? habits = null)
    {
        var (mean, std) = Statistics(file, habits);
        if (!mean.All(float.IsFinite)) throw file.Problem("has an image_mean that is not finite");
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

    private static (float[] Mean, float[] Std) Statistics(PreprocessorKeys file, Habits? habits = null)
    {
        // Pixels of another scale than [0, 1] are the same thing with a mean and deviation of that scale.
        var scale = file.Flag("do_rescale", true) ? 255 * file.Number("rescale_factor", 1 / 255.0) : 255;
        if (!(scale > 0) || !double.IsFinite(scale)) throw file.Problem("has a rescale_factor that is not above 0");
        if (Math.Abs(scale - 1) < 1e-6) scale = 1;
        if (!file.Flag("do_normalize", true)) return ([0, 0, 0], [(float)(1 / scale), (float)(1 / scale), (float)(1 / scale)]);
        return (file.Colour("image_mean", scale, habits?.Mean), file.Colour("image_std", scale, habits?.Std));
    }
}
