using System.Diagnostics;
using System.Globalization;
using NanoVlm.Configuration;
using NanoVlm.Language;
using NanoVlm.Models;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>Tokens a second while decoding greedily on cached keys and values, here and in PyTorch by turns.</summary>
internal static class DecodeBenchmark
{
    private static readonly (string Model, int Context, int Tokens, int Rows)[] cases =
    [
        ("tiny", 64, 200, 1), ("tiny", 64, 200, 8), ("tiny", 1000, 200, 1),
        ("222m", 16, 20, 1), ("222m", 1000, 20, 1), ("222m", 100, 20, 8),
    ];

    internal static void Run(int rounds, int threads)
    {
        Console.Error.WriteLine($"{rounds} rounds of greedy decoding each, float32, threads: {threads}; ratio: PyTorch's time / ours");
        Console.WriteLine("model  context  rows   ours tokens/s   PyTorch tokens/s   ratio");
        foreach (var model in cases.GroupBy(one => one.Model))
        {
            using var ours = new VisionLanguageModel(StepSizes.Find(model.Key).Config, imageTokenId: 1);
            Initialization.Apply(ours, new ModelSection(), seed: 0);
            ours.eval();
            using var theirs = PyTorch.IsHere ? PyTorch.Decoder(model.Key, threads) : null;
            Decode(ours.Decoder, 16, 8, 1);
            foreach (var (_, context, tokens, rows) in model)
            {
                var (here, there) = (new List<double>(), new List<double>());
                for (var round = 0; round < rounds; round++)
                {
                    here.Add(Decode(ours.Decoder, context, tokens, rows));
                    if (theirs?.Decode(context, tokens, rows) is { } seconds) there.Add(seconds);
                }
                var made = (double)tokens * rows;
                var ratio = there.Count == 0 ? "" : new Ratio(here.Zip(there, (a, b) => b / a)).ToString();
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{model.Key,-6} {context,7} {rows,5} {made / Figures.Median(here),15:F1} {(there.Count == 0 ? double.NaN : made / Figures.Median(there)),18:F1}   {ratio}"));
            }
            // What a long text before costs: the same number of steps after 1,000 tokens and after one.
            var (lone, late) = (new List<double>(), new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                lone.Add(Decode(ours.Decoder, 1, 20, 1));
                late.Add(Decode(ours.Decoder, 1000, 20, 1));
            }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{model.Key}: 20 tokens after 1,000 take {Figures.Median(late) * 1e3:F1} ms, 20 after one {Figures.Median(lone) * 1e3:F1} ms: {new Ratio(lone.Zip(late, (a, b) => b / a)).Median:F2} times"));
        }
    }

    /// <summary>The same command here and in another checkout, by turns: each round of each side is a process, which decodes three times.</summary>
    internal static void Run(OtherCheckout against, int rounds, int threads)
    {
        Console.Error.WriteLine($"{rounds} rounds of greedy decoding each, float32, threads: {threads}; ratio: the time of {against.Name} / ours");
        string[] arguments = ["decode", "--rounds", "3", "--threads", threads.ToString(CultureInfo.InvariantCulture)];
        var (here, there) = (cases.Select(_ => new List<double>()).ToArray(), cases.Select(_ => new List<double>()).ToArray());
        for (var round = 0; round < rounds; round++)
        {
            Add(Rates(Environment.ProcessPath!, arguments), here);
            Add(Rates(against.Program, arguments), there);
        }
        Console.WriteLine($"model  context  rows   ours tokens/s   {against.Name} tokens/s   ratio");
        for (var i = 0; i < cases.Length; i++)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{cases[i].Model,-6} {cases[i].Context,7} {cases[i].Rows,5} {Figures.Median(here[i]),15:F1} {Figures.Median(there[i]),18:F1}   {new Ratio(here[i].Zip(there[i], (ours, theirs) => ours / theirs))}"));

        static void Add(double[] rates, List<double>[] to)
        {
            for (var i = 0; i < cases.Length; i++) to[i].Add(rates[i]);
        }
    }

    // Our tokens a second, a line of the table each.
    private static double[] Rates(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["GOMP_SPINCOUNT"] = "10000" } })!;
        var error = process.StandardError.ReadToEndAsync();
        var lines = process.StandardOutput.ReadToEnd().Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new NanoVlmException($"{program} failed:\n{error.Result}");
        return [.. cases.Select(one => double.Parse(lines.First(words => words.Length > 3 && words[0] == one.Model && words[1] == $"{one.Context}" && words[2] == $"{one.Rows}")[3], CultureInfo.InvariantCulture))];
    }

    // The seconds of some greedy steps after a prompt.
    private static double Decode(CausalLanguageModel decoder, int context, int tokens, int rows)
    {
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        using var cache = new KvCache(decoder.Config, rows, context + tokens);
        var ids = randint(2, decoder.Config.VocabSize, [rows, context]);
        var token = Next(ids);
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < tokens; i++) token = Next(token);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;

        Tensor Next(Tensor given)
        {
            using var inner = NewDisposeScope();
            var hidden = decoder.forward(decoder.Embed(given), cache: cache);
            return decoder.Logits(hidden.narrow(1, hidden.shape[1] - 1, 1)).argmax(-1).MoveToOuterDisposeScope();
        }
    }
}
