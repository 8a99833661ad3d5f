using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using NanoVlm.Data;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
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
        var beams = new Option<int>("--beams") { Description = "Search for the likeliest answer, with N beginnings at a time; without it one is drawn", HelpName = "N", DefaultValueFactory = _ => 0 };
        var seed = new Option<int>("--seed") { Description = "Where the random numbers begin", DefaultValueFactory = _ => 0, HelpName = "S" };
        var chances = new Option<bool>("--log-probabilities") { Description = "With --json: the log-probability of each token" };
        var json = new Option<bool>("--json") { Description = "Print one JSON object instead of streaming text" };
        var sampling = new SamplingOptions(maxNewTokens: 64);
        var command = new Command("generate", "Answer a prompt about images") { model, image, prompt };
        sampling.AddTo(command);
        foreach (var option in new Option[] { beams, seed, chances, json }) command.Options.Add(option);
        beams.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, out var count) && count < 1) result.AddError("--beams must be 1 or more.");
        });
        command.SetAction(result =>
        {
            var options = sampling.Of(result) with { LogProbabilities = result.GetValue(chances) };
            using var interrupted = new CancellationTokenSource();
            using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
            {
                context.Cancel = true;
                interrupted.Cancel();
            });
            try
            {
                return Run(result.GetValue(model)!, result.GetValue(image) ?? [], result.GetValue(prompt)!, options, result.GetValue(beams), result.GetValue(seed), result.GetValue(json), interrupted.Token);
            }
            catch (OperationCanceledException)
            {
                Console.WriteLine();
                return 130;
            }
        });
        return command;
    }

    private static int Run(string folder, string[] images, string prompt, GenerationOptions options, int beams, int seed, bool json, CancellationToken interrupted)
    {
        set_num_threads(Environment.ProcessorCount); // libtorch's own default is 1 on some virtual machines
        var pictures = images.Select(ImageCodec.Load).ToArray();
        using var loaded = Checkpoint.Load(folder);
        var builder = new SampleBuilder(loaded.Tokenizer, loaded.Processor, loaded.Model.Config.MpImageTokenLength);
        var sample = builder.Prompt(prompt, pictures);
        var generator = new TextGenerator(loaded.Model, loaded.Tokenizer);
        Completion made;
        if (beams > 0)
        {
            made = generator.BeamSearch(sample, beams, options, cancellation: interrupted)[0].Completion;
            if (!json) Console.Write(made.Text);
        }
        else
        {
            made = generator.Generate(sample, options, piece =>
            {
                if (json) return;
                Console.Write(piece);
                Console.Out.Flush();
            }, seed, interrupted);
        }
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(
                new { made.Text, made.Ids, PromptTokens = sample.InputIds.Length, sample.Tiles, StopReason = Reason(made.Reason), made.LogProbabilities }, Json.Line));
        else
            Console.WriteLine();
        return 0;
    }

    private static string Reason(StopReason reason) => reason switch
    {
        StopReason.EndOfText => "end_of_text",
        StopReason.StopString => "stop_string",
        _ => "max_new_tokens",
    };
}
