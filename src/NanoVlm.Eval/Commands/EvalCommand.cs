using System.CommandLine;
using System.Runtime.InteropServices;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Evaluation.Running;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Generation;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Commands;

/// <summary><c>eval</c>: asks a model the questions of benchmarks and scores its answers.</summary>
internal static class EvalCommand
{
    private sealed record Arguments(
        string Model, IReadOnlyList<EvalTask> Tasks, string[] Data, string[] Split, string Prompts, EvaluationOptions Options, int? BatchSize, string? Output, int Processes, bool Restart, Precision? Precision, string? Page);

    private static IEnumerable<string> Known => [.. Benchmarks.All.Select(task => task.Name), .. TowerTasks.Names];

    internal static Command Create()
    {
        var command = new Command("eval", "Score a model on benchmarks");
        AddTo(command);
        return command;
    }

    // Shared with the program that does this alone.
    internal static void AddTo(Command command)
    {
        var model = new Option<string>("--model") { Description = "The model folder, e.g. checkpoints/RUN/best", Required = true, HelpName = "DIR" };
        var tasks = new Option<string[]>("--tasks") { Description = $"The benchmarks, with commas between: {string.Join(", ", Known)}", Required = true, HelpName = "A,B", AllowMultipleArgumentsPerToken = true };
        var data = new Option<string[]>("--data") { Description = "Where the questions are: the one benchmark's file or folder, or TASK=PATH; without it, the published data set", HelpName = "[TASK=]PATH", AllowMultipleArgumentsPerToken = true };
        var split = new Option<string[]>("--split") { Description = "Another split than the published one", HelpName = "[TASK=]NAME", AllowMultipleArgumentsPerToken = true };
        var limit = new Option<int?>("--limit") { Description = "Ask the first N items of each benchmark only", HelpName = "N" };
        var batchSize = new Option<int?>("--batch-size") { Description = "Images at a time, each with the questions beside it; default: the run's eval.batch_size, or 16", HelpName = "N" };
        var maxNewTokens = new Option<int?>("--max-new-tokens") { Description = "The longest answer, in tokens; default: as each benchmark has it", HelpName = "N" };
        var prompts = new Option<string>("--prompts") { Description = $"The prompt formats: {string.Join(", ", PromptSet.Names)}, or a file of them", DefaultValueFactory = _ => "lmms", HelpName = "NAME" };
        var rules = EvaluationCommands.RulesOption("The rules that answers are scored by, lmms-0.7.1 unless given");
        var precision = new Option<string?>("--precision") { Description = "auto, fp32 or bf16; default: the run's own, or auto", HelpName = "NAME" };
        var output = new Option<string?>("--output") { Description = "The result's file; default: in RUN/evaluations where the model is a run's checkpoint, or in ./evaluations", HelpName = "FILE" };
        var page = new Option<string?>("--page") { Description = "Also write a page with figures and items", HelpName = "FILE.html" };
        var nproc = new Option<int>("--nproc") { Description = "Share the work over N processes on this machine", DefaultValueFactory = _ => 1, HelpName = "N" };
        var share = new Option<string?>("--share") { Description = "Do share I (from 0) of N only; the command without it puts all shares together", HelpName = "I/N" };
        var restart = new Option<bool>("--restart") { Description = "Ask all items again, whatever was answered before" };
        var blind = new Option<bool>("--blind") { Description = "Show the model a flat grey picture in place of every image" };
        foreach (var option in (Option[])[model, tasks, data, split, limit, batchSize, maxNewTokens, prompts, rules, precision, output, page, nproc, share, restart, blind]) command.Options.Add(option);
        foreach (var option in (Option[])[limit, batchSize, maxNewTokens, nproc])
            option.Validators.Add(result =>
            {
                if (!result.Implicit && result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var number) && number < 1) result.AddError($"{option.Name} must be 1 or more.");
            });
        command.SetAction(result =>
        {
            var (number, count) = ShareOf(result.GetValue(share));
            if (count > 1 && result.GetValue(nproc) > 1) throw new ConfigurationException("the command line", [new("--share", "is one process's part of the work; leave --nproc out")]);
            if (result.GetValue(prompts) is { } set && !PromptSet.Names.Contains(set) && !set.EndsWith(".json", StringComparison.Ordinal)) throw EvaluationCommands.Unknown("--prompts", "prompts", set, PromptSet.Names);
            var names = NamesOf(result.GetValue(tasks)!);
            if (TowerEvaluation.IsAskedFor(names))
            {
                foreach (var (option, isGiven) in new (Option, bool)[] { (blind, result.GetValue(blind)), (nproc, result.GetValue(nproc) > 1), (share, count > 1) })
                    if (isGiven) throw new ConfigurationException("the command line", [new(option.Name, $"is for benchmarks that are asked in words; {names[0]} is of a vision tower")]);
                return TowerEvaluation.Run(
                    names, result.GetValue(model)!, name => Given(name, names, result.GetValue(data) ?? [], "--data"), name => Given(name, names, result.GetValue(split) ?? [], "--split"),
                    new EvaluationOptions { Rules = EvaluationCommands.RulesOf(result.GetValue(rules)), Limit = result.GetValue(limit) }, result.GetValue(output), result.GetValue(page));
            }
            return Run(new Arguments(
                result.GetValue(model)!, TasksOf(names), result.GetValue(data) ?? [], result.GetValue(split) ?? [], result.GetValue(prompts)!,
                new EvaluationOptions
                {
                    Rules = EvaluationCommands.RulesOf(result.GetValue(rules)),
                    Limit = result.GetValue(limit),
                    MaxNewTokens = result.GetValue(maxNewTokens),
                    Blind = result.GetValue(blind),
                    Share = number,
                    Shares = count,
                },
                result.GetValue(batchSize), result.GetValue(output), result.GetValue(nproc), result.GetValue(restart), PrecisionOf(result.GetValue(precision)), result.GetValue(page)));
        });
    }

    private static int Run(Arguments arguments)
    {
        var display = new EvaluationDisplay();
        using var interrupted = new CancellationTokenSource();
        using var onInterrupt = OnSignal(PosixSignal.SIGINT, interrupted, display);
        using var onTerminate = OnSignal(PosixSignal.SIGTERM, interrupted, display);
        if (EvaluationShares.IsChild) EvaluationShares.HeedParent(interrupted);

        var config = Checkpoint.Config(arguments.Model);
        var run = ModelIdentity.RunOf(arguments.Model) is { } folder ? RunConfig.OfRecord(System.IO.Path.Combine(folder, "run.json")) : null;
        var options = arguments.Options with { BatchSize = arguments.BatchSize ?? run?.Eval.BatchSize ?? 16 };
        var compute = Compute(arguments, run, options);
        var requests = arguments.Tasks.Select(task => Request(task, arguments, run, display, interrupted.Token)).ToArray();
        var identity = ModelIdentity.Of(arguments.Model, compute.Dtype);
        var output = arguments.Output ?? System.IO.Path.Combine(EvaluationFiles.FolderOf(arguments.Model), EvaluationFiles.NameOf(identity, arguments.Tasks.Select(task => task.Name), options));
        var evaluation = new Running.Evaluation(identity, requests, options, output, arguments.Restart);
        if (evaluation.Result is not null) display.Say($"{output} is there already, by the same settings; --restart asks again");
        else
        {
            try
            {
                if (arguments.Processes > 1) Share(evaluation, arguments.Processes, display, interrupted.Token);
                else Ask(evaluation, arguments.Model, compute, options, config.LmMaxPositionEmbeddings, display, interrupted.Token);
            }
            catch (OperationCanceledException)
            {
                var progress = evaluation.Progress();
                display.Warn($"stopped after {progress.Sum(task => task.Done):N0} of {progress.Sum(task => task.Count):N0} items; the answers so far are in {evaluation.PartialPath}; go on with the same command");
                return 130;
            }
        }
        if (options.Shares > 1) return 0; // who started the shares puts them together
        var result = evaluation.Finish() ?? throw new NanoVlmException($"{evaluation.PartialPath}: some items are not answered; go on with the same command.");
        StandardOutput.Open().Write(ResultTable.Of(result));
        if (arguments.Page is { } page) ResultsPage.Write(page, [(output, result)]);
        Console.WriteLine($"result: {output}{(arguments.Page is null ? "" : $"\npage: {arguments.Page}")}");
        return 0;
    }

    private static void Ask(Running.Evaluation evaluation, string model, ComputeChoice compute, EvaluationOptions options, int mostTokens, EvaluationDisplay display, CancellationToken cancellation)
    {
        var shares = options.Shares > 1 ? $", share {options.Share} of {options.Shares}" : "";
        if (!EvaluationShares.IsChild) display.Say($"{compute.Reason}{shares}");
        using var loaded = Checkpoint.Load(model);
        loaded.Model.ComputeDtype = compute.Dtype;
        loaded.Model.to(compute.Device);
        var builder = new SampleBuilder(loaded.Tokenizer, loaded.Processor, loaded.Model.Config.MpImageTokenLength);
        var runner = new EvaluationRunner(new TextGenerator(loaded.Model, loaded.Tokenizer), builder, options, mostTokens);
        if (EvaluationShares.IsChild) evaluation.Run(runner, EvaluationShares.Tell, warning => Console.Error.WriteLine(warning), cancellation);
        else display.Track(evaluation.Progress(), () => evaluation.Run(runner, display.Add, display.Warn, cancellation));
    }

    private static void Share(Running.Evaluation evaluation, int count, EvaluationDisplay display, CancellationToken cancellation)
    {
        string[] skipped = ["--nproc", "--restart"];
        var arguments = new List<string>();
        var given = Environment.GetCommandLineArgs().Skip(1).ToArray();
        for (var i = 0; i < given.Length; i++)
        {
            if (given[i] == "--nproc") i++;
            else if (!skipped.Any(option => given[i] == option || given[i].StartsWith(option + "=", StringComparison.Ordinal) || given[i].StartsWith(option + ":", StringComparison.Ordinal))) arguments.Add(given[i]);
        }
        display.Say($"{count} processes share the work");
        display.Track(evaluation.Progress(), () => EvaluationShares.Run(count, arguments, display.Add, display.Warn, cancellation));
    }

    private static ComputeChoice Compute(Arguments arguments, RunConfig? run, EvaluationOptions options)
    {
        var train = run?.Train ?? new TrainSection();
        if (arguments.Precision is { } precision) train = train with { Precision = precision };
        if (options.Shares > 1 && train.Threads > 0) train = train with { Threads = Math.Max(1, train.Threads / options.Shares) };
        return ComputeChoice.For(train, options.Shares > 1 && cuda.is_available() ? options.Share % cuda.device_count() : null);
    }

    private static TaskRequest Request(EvalTask task, Arguments arguments, RunConfig? run, EvaluationDisplay display, CancellationToken cancellation)
    {
        string[] names = [.. arguments.Tasks.Select(one => one.Name)];
        var data = new TaskData(Given(task.Name, names, arguments.Data, "--data"), arguments.Prompts, Given(task.Name, names, arguments.Split, "--split")) { Cancellation = cancellation };
        if (task == ConversationTask.Shapes && data.Path is null) data = data with { Path = ShapesTest.Find(run, display.Say, cancellation) };
        return new TaskRequest(task, data);
    }

    // What an option says of a task: TASK=VALUE, or the value alone where there is one task.
    private static string? Given(string task, IReadOnlyList<string> tasks, string[] values, string option)
    {
        var named = values.FirstOrDefault(value => value.StartsWith(task + "=", StringComparison.Ordinal));
        if (named is not null) return named[(task.Length + 1)..];
        string[] plain = [.. values.Where(value => !Known.Any(known => value.StartsWith(known + "=", StringComparison.Ordinal)))];
        if (plain.Length > 0 && (tasks.Count > 1 || plain.Length > 1))
            throw new ConfigurationException("the command line", [new(option, $"'{plain[0]}' does not say of which benchmark it is; write {task}={plain[0]}")]);
        return plain.FirstOrDefault();
    }

    private static string[] NamesOf(string[] given)
    {
        var names = given.SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).Distinct().ToArray();
        return names.Length > 0 ? names : throw new ConfigurationException("the command line", [new("--tasks", "names no benchmark")]);
    }

    private static EvalTask[] TasksOf(string[] names) => [.. names.Select(name => Benchmarks.Find(name) ?? throw EvaluationCommands.Unknown("--tasks", "benchmarks", name, Known))];

    private static (int Share, int Shares) ShareOf(string? given)
    {
        if (given is null) return (0, 1);
        return given.Split('/') is [var a, var b] && int.TryParse(a, out var share) && int.TryParse(b, out var shares) && share >= 0 && share < shares ? (share, shares)
            : throw new ConfigurationException("the command line", [new("--share", $"'{given}' is not I/N with I from 0 to N - 1")]);
    }

    private static Precision? PrecisionOf(string? given) => given is null ? null
        : Enum.GetValues<Precision>().Cast<Precision?>().FirstOrDefault(value => value.ToString()!.Equals(given, StringComparison.OrdinalIgnoreCase))
        ?? throw EvaluationCommands.Unknown("--precision", "precisions", given, Enum.GetNames<Precision>().Select(name => name.ToLowerInvariant()));

    // The first signal asks for a stop; a second one leaves at once, but for shares, which a terminal's Ctrl-C and their parent both tell.
    private static PosixSignalRegistration OnSignal(PosixSignal signal, CancellationTokenSource interrupted, EvaluationDisplay display) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        if (EvaluationShares.IsChild)
        {
            interrupted.Cancel();
            return;
        }
        if (interrupted.IsCancellationRequested) Environment.Exit(130);
        display.Warn("stopping; once more to leave at once");
        interrupted.Cancel();
    });
}
