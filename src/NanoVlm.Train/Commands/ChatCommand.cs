using System.CommandLine;
using System.Runtime.InteropServices;
using NanoVlm.Data;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Text;
using static TorchSharp.torch;

namespace NanoVlm.Training.Commands;

/// <summary><c>chat</c>: a conversation in a terminal, a line a turn; pictures come by their paths.</summary>
internal static class ChatCommand
{
    private const string Help = """
        A line is a question; the path of a picture in it stands for the picture, in quotes where it has spaces.
          /reset  forget the conversation
          /help   this
          /quit   end, as does Ctrl-D
        Ctrl-C ends an answer that is being given.
        """;

    internal static Command Create()
    {
        var model = new Option<string>("--model") { Description = "The model folder, e.g. checkpoints/RUN/best", Required = true, HelpName = "DIR" };
        var system = new Option<string?>("--system") { Description = "What the model is told before the conversation", HelpName = "TEXT" };
        var seed = new Option<int>("--seed") { Description = "Where the random numbers begin", DefaultValueFactory = _ => 0, HelpName = "S" };
        var sampling = new SamplingOptions(maxNewTokens: 256);
        var command = new Command("chat", "Talk with a model about images, in the terminal") { model, system };
        sampling.AddTo(command);
        command.Options.Add(seed);
        command.SetAction(result => Run(result.GetValue(model)!, result.GetValue(system), sampling.Of(result), result.GetValue(seed)));
        return command;
    }

    private static int Run(string folder, string? system, GenerationOptions options, int seed)
    {
        set_num_threads(Environment.ProcessorCount); // libtorch's own default is 1 on some virtual machines
        using var loaded = Checkpoint.Load(folder);
        var builder = new SampleBuilder(loaded.Tokenizer, loaded.Processor, loaded.Model.Config.MpImageTokenLength);
        var generator = new TextGenerator(loaded.Model, loaded.Tokenizer);
        var conversation = new Conversation(system);
        CancellationTokenSource? answering = null;
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            // At the prompt it ends the program, and so does a second one where an answer does not end.
            if (Volatile.Read(ref answering) is not { IsCancellationRequested: false } answer) return;
            context.Cancel = true;
            answer.Cancel();
        });
        if (!Console.IsInputRedirected) Console.Error.WriteLine($"{folder}: ask, or /help.");
        for (; ; seed++)
        {
            if (!Console.IsInputRedirected) Console.Error.Write("> ");
            switch (Console.In.ReadLine()?.Trim())
            {
                case null or "/quit":
                    return 0;
                case "":
                    break;
                case "/help":
                    Console.Error.WriteLine(Help);
                    break;
                case "/reset":
                    conversation = new Conversation(system);
                    break;
                case ['/', ..] command when !command.Contains(' ') && !command.AsSpan(1).Contains('/'):
                    Console.Error.WriteLine($"nanovlm: there is no {command}; /help lists what there is.");
                    break;
                case var line:
                    var cancellation = new CancellationTokenSource(); // not disposed: a signal may hold it still
                    Volatile.Write(ref answering, cancellation);
                    Answer(line, cancellation.Token);
                    Volatile.Write(ref answering, null);
                    break;
            }
        }

        void Answer(string line, CancellationToken cancellation)
        {
            var said = "";
            var asked = conversation;
            try
            {
                asked = conversation.Ask(line);
                generator.Generate(builder.Prompt(asked.Messages, asked.Images), options, piece =>
                {
                    said += piece;
                    Console.Write(piece);
                    Console.Out.Flush();
                }, seed, cancellation);
            }
            catch (OperationCanceledException)
            {
                // What was said until then stands.
            }
            catch (NanoVlmException error)
            {
                Console.Error.WriteLine($"nanovlm: {error.Message}");
                return; // as if it had not been asked
            }
            Console.WriteLine();
            conversation = asked.Answered(said);
        }
    }

    /// <summary>What was said so far.</summary>
    private sealed record Conversation(IReadOnlyList<ChatMessage> Messages, IReadOnlyList<RgbImage> Images)
    {
        internal Conversation(string? system) : this(system is null ? [] : [new ChatMessage("system", system)], [])
        {
        }

        /// <summary>The same with a question; paths of pictures in it become pictures.</summary>
        /// <exception cref="NanoVlmException">A picture cannot be read.</exception>
        internal Conversation Ask(string line)
        {
            var (text, paths) = PicturePaths.Of(line.Replace(SampleBuilder.ImageMark, "", StringComparison.Ordinal));
            return new Conversation([.. Messages, new ChatMessage("user", text)], [.. Images, .. paths.Select(ImageCodec.Load)]);
        }

        internal Conversation Answered(string text) => this with { Messages = [.. Messages, new ChatMessage("assistant", text)] };
    }
}
