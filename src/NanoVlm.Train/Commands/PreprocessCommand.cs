using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using NanoVlm.Data;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Weights;

namespace NanoVlm.Training.Commands;

/// <summary><c>preprocess</c>: the exact pixels that a model would see of a picture, and the text that stands for it. Never loads weights.</summary>
internal static class PreprocessCommand
{
    // <|image|> is to be read by people too.
    private static readonly JsonSerializerOptions readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static Command Create()
    {
        var model = new Option<string>("--model") { Description = "The model folder: config.json, preprocessor_config.json, or both", Required = true, HelpName = "DIR" };
        var image = new Option<string>("--image") { Description = "A JPEG, PNG or WebP file", Required = true, HelpName = "FILE" };
        var output = new Option<string>("--output") { Description = "Where the pixels go", Required = true, HelpName = "OUT.safetensors" };
        var command = new Command("preprocess", "Store the pixels that a model sees of a picture, print the text that stands for it") { model, image, output };
        command.SetAction(result =>
        {
            Run(result.GetValue(model)!, result.GetValue(image)!, result.GetValue(output)!);
            return 0;
        });
        return command;
    }

    private static void Run(string folder, string image, string output)
    {
        var (processor, markup) = ImageInput.Open(folder);
        var picture = ImageCodec.Load(image, processor.Decoding);
        var prompt = markup is null ? null : ImagePrompt.Of(processor, markup, [picture]);
        var processed = prompt?.Images[0] ?? processor.Process(picture);
        var tiles = prompt?.Tiles ?? processed.Tiles;
        long[] tile = [processed.Height, processed.Width];
        long[] shape = processor is Idefics3Processor ? [1, tiles, 3, .. tile] : [tiles, 3, .. tile];
        var pixels = prompt?.Pixels ?? processed.Pixels;

        var tensors = new List<SafeTensorsEntry> { new("pixel_values", SafeTensorsDType.F32, shape, stream => stream.Write(MemoryMarshal.AsBytes<float>(pixels))) };
        if (processor is Idefics3Processor)
        {
            // One picture has no padding: all of the mask is 1.
            tensors.Add(Integers("pixel_attention_mask", [1, tiles, .. tile], Enumerable.Repeat(1L, pixels.Length / 3)));
            tensors.Add(Integers("rows", [1, 1], [tiles == 1 ? 0 : processed.Rows]));
            tensors.Add(Integers("cols", [1, 1], [tiles == 1 ? 0 : processed.Columns]));
        }
        var metadata = new Dictionary<string, string> { ["grid"] = $"[{processed.Rows}, {processed.Columns}]" };
        if (prompt is not null) metadata["image_string"] = prompt.Texts[0];
        SafeTensorsWriter.Write(output, tensors, metadata);
        Console.Out.WriteLine(JsonSerializer.Serialize(
            new
            {
                pixel_values = shape,
                grid = new[] { processed.Rows, processed.Columns },
                tiles,
                tokens_per_tile = markup?.TokensPerTile,
                image_string = prompt?.Texts[0],
            },
            readable));
    }

    private static SafeTensorsEntry Integers(string name, long[] shape, IEnumerable<long> values) =>
        new(name, SafeTensorsDType.I64, shape, MemoryMarshal.AsBytes<long>(values.ToArray()).ToArray());
}
