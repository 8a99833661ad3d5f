using System.CommandLine;
using System.Text.Json;
using NanoVlm.Data;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Text;
using static TorchSharp.torch;

namespace NanoVlm.Training.Commands;

/// <summary><c>generate</c>: streams an answer about images, or to plain text.</summary>
internal static class GenerateCommand
{
    internal static Command Create()
    {
        var model = new Option<string>("--model") { Description = "The model folder, e.g. checkpoints/RUN/best", Required = true, HelpName = "DIR" };
        var image = new Option<string[]>("--image") { Description = "JPEG, PNG or WebP files; none is plain chat", HelpName = "FILE", AllowMultipleArgumentsPerToken = true };
        var prompt = new Option<string>("--prompt") { Description = "The question; <image> marks where an image stands", Required = true, HelpName = "TEXT" };
        var greedy = new Option<bool>("--greedy") { Description = "Always take the most likely token" };
        var maxNewTokens = new Option<int>("--max-new-tokens") { Description = "The longest answer, in tokens", DefaultValueFactory = _ => 64, HelpName = "N" };
        var temperature = new Option<double>("--temperature") { Description = "Above 0; lower is surer", DefaultValueFactory = _ => 0.5, HelpName = "T" };
        var topK = new Option<int>("--top-k") { Description = "Draw from the K most likely tokens; 0: from all", DefaultValueFactory = _ => 50, HelpName = "K" };
        var topP = new Option<double>("--top-p") { Description = "Draw from the most likely tokens up to this probability", DefaultValueFactory = _ => 0.9, HelpName = "P" };
        var seed = new Option<int>("--seed") { Description = "Where the random numbers begin", DefaultValueFactory = _ => 0, HelpName = "S" };
        var json = new Option<bool>("--json") { Description = "Print one JSON object instead of streaming text" };
        var command = new Command("generate", "Answer a prompt about images") { model, image, prompt, greedy, maxNewTokens, temperature, topK, topP, seed, json };
        Require(temperature, t => t > 0, "--temperature must be above 0; for the most likely answer use --greedy.");
        Require(topK, k => k >= 0, "--top-k must be 0 or more.");
        Require(topP, p => p is > 0 and <= 1, "--top-p must be above 0 and at most 1.");
        Require(maxNewTokens, n => n >= 1, "--max-new-tokens must be 1 or more.");
        command.SetAction(result =>
        {
            using var sampler = result.GetValue(greedy)
                ? Sampler.Greedy()
                : Sampler.Random(result.GetValue(temperature), result.GetValue(topK), result.GetValue(topP), result.GetValue(seed));
            return Run(result.GetValue(model)!, result.GetValue(image) ?? [], result.GetValue(prompt)!, sampler, result.GetValue(maxNewTokens), result.GetValue(json));
        });
        return command;
    }

    private static void Require<T>(Option<T> option, Func<T, bool> holds, string message) => option.Validators.Add(result =>
    {
        try
        {
            if (!result.Implicit && !holds(result.GetValueOrDefault<T>()!)) result.AddError(message);
        }
        catch (InvalidOperationException)
        {
            // Not a number: the parser says so itself.
        }
    });

    private static int Run(string folder, string[] images, string prompt, Sampler sampler, int maxNewTokens, bool json)
    {
        set_num_threads(Environment.ProcessorCount); // libtorch's own default is 1 on some virtual machines
        var pictures = images.Select(ImageCodec.Load).ToArray();
        using var loaded = Checkpoint.Load(folder);
        var builder = new SampleBuilder(loaded.Tokenizer, loaded.Processor, loaded.Model.Config.MpImageTokenLength);
        var sample = builder.Prompt(prompt, pictures);
        using var scope = NewDisposeScope();
        var ids = tensor(sample.InputIds.Select(id => (long)id).ToArray(), [1, sample.InputIds.Length]);
        var pixels = sample.Tiles == 0 ? null : tensor(sample.Pixels, [sample.Tiles, 3, builder.TileSize, builder.TileSize]);

        var decoder = new StreamingDecoder(loaded.Tokenizer, skipSpecialTokens: true);
        var made = new List<int>();
        var text = new System.Text.StringBuilder();
        var ended = Decoding.Stream(loaded.Model, ids, pixels, maxNewTokens, sampler, loaded.Tokenizer.EosTokenId, id =>
        {
            made.Add(id);
            Give(decoder.Push(id));
        });
        Give(decoder.Flush());
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(
                new { Text = text.ToString(), Ids = made, PromptTokens = sample.InputIds.Length, Tiles = sample.Tiles, StopReason = ended ? "end_of_text" : "max_new_tokens" }, Json.Line));
        else
            Console.WriteLine();
        return 0;

        void Give(string piece)
        {
            text.Append(piece);
            if (json) return;
            Console.Write(piece);
            Console.Out.Flush();
        }
    }
}
