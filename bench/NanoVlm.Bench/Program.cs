using System.CommandLine;
using NanoVlm;
using NanoVlm.Bench;
using static TorchSharp.torch;

var precision = new Option<string>("--precision") { Description = "fp32, bf16 or both", DefaultValueFactory = _ => "both" };
precision.AcceptOnlyFromAmong("fp32", "bf16", "both");
var rounds = new Option<int>("--rounds") { Description = "How often the two sides take turns; fewer when a minute has passed, but at least 3", DefaultValueFactory = _ => 10, HelpName = "N" };
var steps = new Option<int>("--steps") { Description = "Steps of each side in a round", DefaultValueFactory = _ => 3, HelpName = "N" };
var threads = new Option<int>("--threads") { Description = "Threads of each side; by default one a core", DefaultValueFactory = _ => Environment.ProcessorCount, HelpName = "N" };
var json = new Option<bool>("--json") { Description = "Print JSON, a line a precision" };
var profile = new Option<bool>("--profile") { Description = "Print where our step's time goes, and end" };
var root = new RootCommand("Measures one training step of a tiny vision-language model, here and in PyTorch by turns.") { precision, rounds, steps, threads, json, profile };
foreach (var count in new[] { rounds, steps, threads })
    count.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < 1) result.AddError($"{count.Name} must be 1 or more.");
    });
root.SetAction(result =>
{
    var names = result.GetValue(precision) == "both" ? new[] { "fp32", "bf16" } : [result.GetValue(precision)!];
    set_num_threads(result.GetValue(threads));
    if (result.GetValue(profile))
    {
        foreach (var name in names) StepProfile.Print(name, result.GetValue(steps) * result.GetValue(rounds));
        return;
    }
    StepBenchmark.Run(names, result.GetValue(rounds), result.GetValue(steps), result.GetValue(threads), result.GetValue(json));
});

var serve = new Option<bool>("--serve") { Description = "Run steps as standard input asks: what the benchmark starts", Hidden = true };
var largeRounds = new Option<int>("--rounds") { Description = "How often the two sides take turns", DefaultValueFactory = _ => 5, HelpName = "N" };
var large = new Command("step-222m", "Measures time and peak memory of one step of nanoVLM's 222M model in float32, here and in PyTorch by turns") { largeRounds, threads, json, serve };
large.SetAction(result =>
{
    set_num_threads(result.GetValue(threads));
    if (!result.GetValue(serve))
    {
        LargeStepBenchmark.Run(result.GetValue(largeRounds), result.GetValue(threads), result.GetValue(json));
        return;
    }
    using var step = new TrainingStep(StepSizes.NanoVlm222M, ScalarType.Float32);
    StepProcess.Serve(step);
});
root.Subcommands.Add(large);

var decode = new Command("decode", "Measures greedy decoding on cached keys and values, here and in PyTorch by turns") { rounds, threads };
decode.SetAction(result =>
{
    set_num_threads(result.GetValue(threads));
    DecodeBenchmark.Run(result.GetValue(rounds), result.GetValue(threads));
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
