using System.CommandLine;
using System.Globalization;
using NanoVlm;
using NanoVlm.Bench;
using static TorchSharp.torch;

// First of all, as it must not meet this checkout's library: another checkout's step, which the benchmark starts.
if (args is [OtherCheckout.Command, var checkout, var otherModel, var otherPrecision, var otherThreads])
{
    new OtherCheckout(checkout).Serve(otherModel, otherPrecision, int.Parse(otherThreads, CultureInfo.InvariantCulture));
    return 0;
}

var precision = new Option<string>("--precision") { Description = "fp32, bf16 or both", DefaultValueFactory = _ => "both" };
precision.AcceptOnlyFromAmong("fp32", "bf16", "both");
var stepModel = new Option<string>("--model") { Description = "tiny (1.7 M parameters), 222m or both", DefaultValueFactory = _ => "both" };
stepModel.AcceptOnlyFromAmong("tiny", "222m", "both");
var stepThreads = new Option<int[]>("--threads") { Description = "Threads of each side; by default one, and then one a core", DefaultValueFactory = _ => [.. new[] { 1, Environment.ProcessorCount }.Distinct()], HelpName = "N", AllowMultipleArgumentsPerToken = true };
var stepRounds = new Option<int?>("--rounds") { Description = "How often the sides take turns; 10, or 3 with the large model", HelpName = "N" };
var steps = new Option<int?>("--steps") { Description = "Steps of each side in a round; 3, or 2 with the large model", HelpName = "N" };
var against = new Option<string?>("--against") { Description = "Another checkout of this repository, built in Release, to measure beside this one", HelpName = "DIR" };
var json = new Option<bool>("--json") { Description = "Print JSON, a line a combination" };
var profile = new Option<bool>("--profile") { Description = "Print where our step's time goes, and end" };
var root = new RootCommand("Measures one training step here, in plain TorchSharp, in another checkout and in PyTorch, by turns.") { precision, stepModel, stepThreads, stepRounds, steps, against, json, profile };

var rounds = new Option<int>("--rounds") { Description = "How often the sides take turns", DefaultValueFactory = _ => 10, HelpName = "N" };
var threads = new Option<int>("--threads") { Description = "Threads of each side; by default one a core", DefaultValueFactory = _ => Environment.ProcessorCount, HelpName = "N" };
foreach (var count in new Option[] { stepRounds, steps, rounds, threads, stepThreads })
    count.Validators.Add(result =>
    {
        if (result.Tokens.Any(token => !int.TryParse(token.Value, CultureInfo.InvariantCulture, out var number) || number < 1)) result.AddError($"{count.Name} must be 1 or more.");
    });
root.SetAction(result =>
{
    var precisions = result.GetValue(precision) == "both" ? new[] { "bf16", "fp32" } : [result.GetValue(precision)!];
    var models = result.GetValue(stepModel) == "both" ? new[] { "tiny", "222m" } : [result.GetValue(stepModel)!];
    var counts = result.GetValue(stepThreads)!;
    if (result.GetValue(profile))
    {
        set_num_threads(counts[^1]);
        foreach (var name in precisions) StepProfile.Print(name, (result.GetValue(steps) ?? 3) * (result.GetValue(stepRounds) ?? 10));
        return;
    }
    var other = result.GetValue(against) is { } folder ? new OtherCheckout(folder).Found() : null;
    var cases = from model in models from name in precisions from count in counts select new StepCase(model, name, count);
    StepBenchmark.Run([.. cases], other, result.GetValue(stepRounds), result.GetValue(steps), result.GetValue(json));
});

var plain = new Option<bool>("--plain") { Description = "Plain TorchSharp's" };
var serve = new Command("serve", "Runs steps as standard input asks: what the benchmark starts") { stepModel, precision, threads, plain };
serve.Hidden = true;
serve.SetAction(result =>
{
    set_num_threads(result.GetValue(threads));
    StepBenchmark.Serve(result.GetValue(stepModel)!, result.GetValue(precision)!, result.GetValue(plain));
});
root.Subcommands.Add(serve);

var decode = new Command("decode", "Measures greedy decoding on cached keys and values, here and in PyTorch or in another checkout by turns") { rounds, threads, against };
decode.SetAction(result =>
{
    set_num_threads(result.GetValue(threads));
    if (result.GetValue(against) is { } folder) DecodeBenchmark.Run(new OtherCheckout(folder).Found(), result.GetValue(rounds), result.GetValue(threads));
    else DecodeBenchmark.Run(result.GetValue(rounds), result.GetValue(threads));
});
root.Subcommands.Add(decode);

var number = new Option<int?>("--case") { Description = "Measure one case in this process: what the benchmark starts", Hidden = true };
var memory = new Command("memory", "Measures the memory of training steps beside the estimate of it, with each option that saves some") { threads, number };
memory.SetAction(result =>
{
    set_num_threads(result.GetValue(threads));
    if (result.GetValue(number) is { } one) MemoryBenchmark.Measure(one);
    else MemoryBenchmark.Run(result.GetValue(threads));
});
root.Subcommands.Add(memory);

var operators = new Command("operators", "Measures the call of an operator, and the fused kernels beside their composites") { threads };
operators.SetAction(result =>
{
    set_num_threads(result.GetValue(threads));
    OperatorBenchmark.Run();
});
root.Subcommands.Add(operators);

var size = new Option<double>("--size") { Description = "The file's size in GB", DefaultValueFactory = _ => 1, HelpName = "GB" };
var folder = new Option<string>("--folder") { Description = "Where the file is written; it stays there for the next run", DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "nanovlm-bench"), HelpName = "DIR" };
var load = new Option<string?>("--load") { Description = "Load this file, and end: what the benchmark starts", Hidden = true };
var copy = new Option<string?>("--copy") { Description = "Copy this file's tensors, and end: what the benchmark starts", Hidden = true };
var weights = new Command("weights", "Measures loading a checkpoint beside reading its bytes and copying them") { size, folder, rounds, load, copy };
weights.SetAction(result =>
{
    if (result.GetValue(load) is { } loaded) WeightsBenchmark.Load(loaded);
    else if (result.GetValue(copy) is { } copied) WeightsBenchmark.Copy(copied);
    else WeightsBenchmark.Run((long)(result.GetValue(size) * 1e9), result.GetValue(rounds), result.GetValue(folder)!);
});
root.Subcommands.Add(weights);

var images = new Command("images", "Measures decoding and resizing a picture, beside Pillow") { rounds };
images.SetAction(result => ImageBenchmark.Run(result.GetValue(rounds)));
root.Subcommands.Add(images);

var realSize = new Command("real-size", "Trains three steps of the published architectures at their size, with random weights") { folder };
realSize.SetAction(result => RealSize.Run(result.GetValue(folder)!));
root.Subcommands.Add(realSize);

var templates = new Command("templates", "Measures rendering conversations by chat templates, beside jinja2");
templates.SetAction(_ => TemplateBenchmark.Run());
root.Subcommands.Add(templates);

var packing = new Command("packing", "Measures how full packed rows are, beside nanoVLM's packing, and attention over them") { threads };
packing.SetAction(result =>
{
    set_num_threads(result.GetValue(threads));
    PackingBenchmark.Run();
});
root.Subcommands.Add(packing);

var samples = new Option<int>("--samples") { Description = "Samples of the set that is made for it", DefaultValueFactory = _ => 50_000, HelpName = "N" };
var workers = new Option<int>("--workers") { Description = "Threads that prepare them", DefaultValueFactory = _ => 2, HelpName = "N" };
var data = new Command("data", "Measures the loader: JPEGs of 512 pixels in tar shards to packed batches of tiles of 224") { samples, workers };
data.SetAction(result => DataBenchmark.Run(result.GetValue(samples), result.GetValue(workers)));
root.Subcommands.Add(data);

var vocabulary = new Option<int>("--vocabulary") { Description = "Tokens of the vocabulary", DefaultValueFactory = _ => 49_152, HelpName = "N" };
var nodeModules = new Option<string?>("--node-modules") { Description = "A folder with the npm package tokenizers, to measure it on the same texts", HelpName = "DIR" };
var text = new Command("text", "Measures tokenizers on English, on one very long word, and opening a file of Gemma's size") { rounds, vocabulary, nodeModules };
text.SetAction(result => TextBenchmark.Run(result.GetValue(rounds), result.GetValue(vocabulary), result.GetValue(nodeModules)));
root.Subcommands.Add(text);

var processes = new Option<int>("--nproc") { Description = "Processes", DefaultValueFactory = _ => 2, HelpName = "N" };
var seconds = new Option<double>("--seconds") { Description = "How long each side trains in a round", DefaultValueFactory = _ => 10, HelpName = "S" };
var result = new Option<string?>("--result") { Description = "Train as one rank and write its figure here: what the benchmark starts", Hidden = true };
var ranks = new Command("ranks", "Measures the training step in several processes of one thread, beside one process of one thread") { precision, rounds, processes, seconds, result };
ranks.SetAction(parse =>
{
    foreach (var name in parse.GetValue(precision) == "both" ? new[] { "fp32", "bf16" } : [parse.GetValue(precision)!])
        if (parse.GetValue(result) is { } file) RankBenchmark.Train(name, parse.GetValue(seconds), file);
        else RankBenchmark.Run(name, parse.GetValue(processes), Math.Max(1, parse.GetValue(rounds) / 3), parse.GetValue(seconds));
});
root.Subcommands.Add(ranks);

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors) Console.Error.WriteLine($"bench: {error.Message}");
    return 2;
}
try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (NanoVlmException e)
{
    Console.Error.WriteLine($"bench: {e.Message}");
    return 1;
}
