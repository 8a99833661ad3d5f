using System.Runtime.CompilerServices;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tests.Towers;

/// <summary>A folder to work in, with the goldens' towers made complete and small pictures.</summary>
internal sealed class TowerFolder : IDisposable
{
    private static readonly Dictionary<string, int> Sizes = new() { ["siglip-full"] = 32, ["clip-vision"] = 32, ["dinov2-registers"] = 32, ["dinov3-vits16plus-like"] = 64 };

    public string Path { get; } = Directory.CreateTempSubdirectory("nanovlm-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>A golden's tower with an image processor and, where it reads texts, a tokenizer of letters.</summary>
    public string Model(string golden)
    {
        var folder = Directory.CreateDirectory(this[golden]).FullName;
        foreach (var file in new[] { "config.json", "model.safetensors" }) File.Copy(System.IO.Path.Combine(Golden(golden), file), System.IO.Path.Combine(folder, file), overwrite: true);
        var size = Sizes[golden];
        Write($"{golden}/preprocessor_config.json", $$"""
            {"image_processor_type": "SiglipImageProcessor", "do_resize": true, "size": {"height": {{size}}, "width": {{size}}}, "resample": 3, "do_rescale": true,
             "rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 0.5]}
            """);
        var letters = string.Join(", ", "abcdefghijklmnopqrstuvwxyz .0123456789".Select((letter, i) => $"\"{letter}\": {i + 2}"));
        Write($"{golden}/tokenizer.json", $$$$"""
            {"version": "1.0", "added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "</s>", "special": true}], "normalizer": {"type": "Lowercase"},
             "pre_tokenizer": null, "decoder": null,
             "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [],
                                "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
             "model": {"type": "BPE", "unk_token": "<unk>", "vocab": {"<unk>": 0, "</s>": 1, {{{{letters}}}}}, "merges": []}}
            """);
        Write($"{golden}/tokenizer_config.json", """{"eos_token": "</s>", "pad_token": "</s>"}""");
        return folder;
    }

    /// <summary>A picture of a square on a background, a little different for each seed.</summary>
    public string Picture(string name, (byte Red, byte Green, byte Blue) colour, int seed = 0, int width = 40, int height = 30)
    {
        var random = new Random(seed);
        var (left, top) = (random.Next(width - 15), random.Next(height - 15));
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y) = (i / 3 % width, i / 3 / width);
            var inside = x >= left && x < left + 15 && y >= top && y < top + 15;
            pixels[i] = (byte)((inside ? (i % 3) switch { 0 => colour.Red, 1 => colour.Green, _ => colour.Blue } : 100) + random.Next(8));
        }
        return Write(name, ImageCodec.EncodePng(new RgbImage(width, height, pixels)));
    }

    /// <summary>Pictures of several colours.</summary>
    public IReadOnlyList<StoredImage> Pictures(int count) =>
        [.. Enumerable.Range(0, count).Select(i => new StoredImage(Picture($"pictures/{i:00}.png", ((byte)(i * 37 % 240), (byte)(i * 91 % 240), (byte)(i * 53 % 240)), i)))];

    public string Write(string name, string text) => Write(name, System.Text.Encoding.UTF8.GetBytes(text));

    public string Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static string Golden(string name, [CallerFilePath] string here = "") =>
        System.IO.Path.GetFullPath(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, "..", "..", "goldens", name));
}
