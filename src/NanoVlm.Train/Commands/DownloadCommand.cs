using System.CommandLine;
using System.Runtime.InteropServices;
using NanoVlm.Weights;
using NanoVlm.Weights.Hub;

namespace NanoVlm.Training.Commands;

/// <summary><c>download</c>: fills the Hub's cache and prints where the files are.</summary>
internal static class DownloadCommand
{
    internal static Command Create()
    {
        var name = new Argument<string>("ORG/NAME[@REVISION]") { Description = "The repository, at a branch, a tag or a commit" };
        var dataset = new Option<bool>("--dataset") { Description = "It is a data set, not a model" };
        var file = new Option<string[]>("--file") { Description = "Only these files; by default of a model what NanoVlm reads, of a data set all", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        var command = new Command("download", "Fetch a model or a data set from the Hugging Face Hub into the cache") { name, dataset, file };
        command.Validators.Add(result =>
        {
            try
            {
                if (result.GetValue(name) is { } written) HubRepository.Parse(written);
            }
            catch (NanoVlmException e)
            {
                result.AddError(e.Message);
            }
        });
        command.SetAction(result => Run(
            HubRepository.Parse(result.GetValue(name)!, result.GetValue(dataset) ? HubRepositoryKind.Dataset : HubRepositoryKind.Model), result.GetValue(file) ?? []));
        return command;
    }

    private static int Run(HubRepository repository, string[] files)
    {
        using var interrupted = new CancellationTokenSource();
        using var onInterrupt = OnSignal(PosixSignal.SIGINT, interrupted);
        using var onTerminate = OnSignal(PosixSignal.SIGTERM, interrupted);
        using var client = new HubClient();
        var display = new DownloadDisplay();
        Func<string, bool>? wanted = repository.Kind == HubRepositoryKind.Model ? ModelFolder.Reads : null;
        try
        {
            Console.WriteLine(display.Track(() => (files.Length > 0
                ? client.DownloadFiles(repository, files, display, interrupted.Token)
                : client.DownloadSnapshot(repository, wanted, display, interrupted.Token)).GetAwaiter().GetResult()));
            return 0;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("nanovlm: stopped; what came is kept, and the same command goes on from there");
            return 130;
        }
    }

    // The first signal stops in order; a second one leaves at once.
    private static PosixSignalRegistration OnSignal(PosixSignal signal, CancellationTokenSource interrupted) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        if (interrupted.IsCancellationRequested) Environment.Exit(130);
        interrupted.Cancel();
    });
}
