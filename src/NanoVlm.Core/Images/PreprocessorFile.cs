using System.Text.Json;
using System.Text.Json.Nodes;

namespace NanoVlm.Images;

/// <summary>
/// <c>preprocessor_config.json</c>, the Hugging Face file beside a model's weights. Three keys of our own restore the
/// rest: <c>do_image_splitting</c>, <c>max_side</c> and <c>upscale</c>; a file without them means one squashed tile.
/// </summary>
public static class PreprocessorFile
{
    /// <summary>The name of the file in a model's folder.</summary>
    public const string FileName = "preprocessor_config.json";

    /// <summary>Reads the file.</summary>
    /// <param name="path">A preprocessor_config.json, of a checkpoint of ours or of a tower with a fixed square input.</param>
    /// <returns>What the file says, checked.</returns>
    /// <exception cref="NanoVlmException">The file is missing, is not JSON, lacks a key, or asks for what this processor
    /// does not do (a size that is not square, cropping, no resize).</exception>
    public static ImageProcessorConfig Load(string path)
    {
        var file = new Keys(path);
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
    public static ImageProcessorConfig WithStatisticsOf(this ImageProcessorConfig config, string path) => Statistics(new Keys(path), config);

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
            ["max_side"] = config.MaxSide,
            ["resample"] = (int)config.Filter,
            ["rescale_factor"] = 1 / 255.0,
            ["size"] = new JsonObject { ["height"] = config.TileSize, ["width"] = config.TileSize },
            ["upscale"] = config.Upscale,
        };
        File.WriteAllText(path, keys.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    private static ImageProcessorConfig Statistics(Keys file, ImageProcessorConfig config)
    {
        // Pixels of another scale than [0, 1] are the same thing with a mean and deviation of that scale.
        var scale = file.Flag("do_rescale", true) ? 255 * file.Number("rescale_factor", 1 / 255.0) : 255;
        if (!(scale > 0) || !double.IsFinite(scale)) throw file.Problem("has a rescale_factor that is not above 0");
        if (Math.Abs(scale - 1) < 1e-6) scale = 1;
        var normalize = file.Flag("do_normalize", true);
        return config with
        {
            Mean = normalize ? file.Colour("image_mean", scale) : [0, 0, 0],
            Std = normalize ? file.Colour("image_std", scale) : [(float)(1 / scale), (float)(1 / scale), (float)(1 / scale)],
        };
    }

    /// <summary>The keys of one file, each read with a message that names both.</summary>
    private sealed class Keys
    {
        private readonly string path;
        private readonly JsonElement root;

        internal Keys(string path)
        {
            this.path = path;
            try
            {
                using var document = JsonDocument.Parse(File.ReadAllBytes(path));
                root = document.RootElement.Clone();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new NanoVlmException($"The image processor's file '{path}' cannot be read: {e.Message}", e);
            }
            catch (JsonException e)
            {
                throw Problem($"is not JSON: {e.Message}", e);
            }
            if (root.ValueKind != JsonValueKind.Object) throw Problem("does not hold a JSON object");
        }

        internal NanoVlmException Problem(string problem, Exception? inner = null) => new($"'{path}' {problem}.", inner);

        internal bool Flag(string key, bool missing) => Find(key) switch
        {
            null => missing,
            { ValueKind: JsonValueKind.True } => true,
            { ValueKind: JsonValueKind.False } => false,
            _ => throw Wrong(key, "true or false"),
        };

        internal int Integer(string key, int? missing = null) => Find(key) switch
        {
            null => missing ?? throw Problem($"lacks the key \"{key}\""),
            { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var number) => number,
            _ => throw Wrong(key, "a whole number"),
        };

        internal double Number(string key, double missing) => Find(key) switch
        {
            null => missing,
            { ValueKind: JsonValueKind.Number } value => value.GetDouble(),
            _ => throw Wrong(key, "a number"),
        };

        internal float[] Colour(string key, double scale)
        {
            if (Find(key) is not { } value) throw Problem($"lacks the key \"{key}\"");
            if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != 3 || value.EnumerateArray().Any(v => v.ValueKind != JsonValueKind.Number))
                throw Wrong(key, "3 numbers");
            return [.. value.EnumerateArray().Select(v => (float)(v.GetDouble() / scale))];
        }

        private NanoVlmException Wrong(string key, string expected) => Problem($"has something else than {expected} under \"{key}\"");

        private JsonElement? Find(string key)
        {
            var value = root;
            foreach (var part in key.Split('.'))
                if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(part, out value)) return null;
            return value.ValueKind == JsonValueKind.Null ? null : value;
        }
    }
}
