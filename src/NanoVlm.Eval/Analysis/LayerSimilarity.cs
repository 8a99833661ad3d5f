using System.Text.Json.Nodes;
using NanoVlm.Data;
using NanoVlm.Evaluation.Analysis.Drawing;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Analysis;

/// <summary>How alike the layers of two vision towers are, each with each.</summary>
/// <param name="Measure">How it was measured, as <c>cka</c> or <c>npib</c>.</param>
/// <param name="Settings">What it was measured with: names and values.</param>
/// <param name="Model">The one model's folder.</param>
/// <param name="Other">The other's.</param>
/// <param name="Layers">The one's layers: 0 is the embedded patches, N what block N gives.</param>
/// <param name="OtherLayers">The other's.</param>
/// <param name="Images">How many pictures were looked at.</param>
/// <param name="Values">[layers, other layers]; NaN where a layer is the same for all pictures.</param>
/// <param name="Chance">What there is between pictures of different lists: the same with the other's pictures shuffled; null where that is 0 or means nothing.</param>
internal sealed record LayerSimilarity(
    string Measure, IReadOnlyDictionary<string, string> Settings, string Model, string Other, IReadOnlyList<int> Layers, IReadOnlyList<int> OtherLayers,
    int Images, double[,] Values, double[,]? Chance = null)
{
    /// <summary>Linear CKA. The unbiased form sees pictures in minibatches and keeps nothing; the plain form (Kornblith's) keeps all features.</summary>
    /// <param name="one">A tower.</param>
    /// <param name="other">Another, or the same.</param>
    /// <param name="images">The pictures.</param>
    /// <param name="pooling">How a picture's tokens become a row of features.</param>
    /// <param name="unbiased">Whether the estimate is the unbiased one.</param>
    /// <param name="batchSize">The most pictures of a minibatch; they are split evenly.</param>
    /// <param name="layer">The one layer of <paramref name="one"/> to compare; null: all.</param>
    /// <param name="progress">Hears how many pictures are done.</param>
    /// <exception cref="NanoVlmException">There are too few pictures, one cannot be read, or a layer or a token is not there.</exception>
    public static LayerSimilarity Cka(
        Tower one, Tower other, IReadOnlyList<StoredImage> images, TokenPooling pooling = TokenPooling.Mean, bool unbiased = true, int batchSize = 256,
        int? layer = null, Action<int>? progress = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Check(one, other, images, pooling, layer);
        double[,] values;
        if (unbiased)
        {
            var batches = (images.Count + batchSize - 1) / batchSize;
            using var cka = new MinibatchCka();
            for (var batch = 0; batch < batches; batch++)
            {
                using var inner = NewDisposeScope();
                var (start, end) = ((int)((long)images.Count * batch / batches), (int)((long)images.Count * (batch + 1) / batches));
                var (x, y) = Features(one, other, [.. images.Skip(start).Take(end - start)], pooling, layer);
                cka.Add(x, y);
                progress?.Invoke(end);
            }
            values = cka.Result();
        }
        else
        {
            var (x, y) = Features(one, other, images, pooling, layer);
            values = Pairs(x, y, LinearCka.Of);
            progress?.Invoke(images.Count);
        }
        var settings = new Dictionary<string, string> { ["estimator"] = unbiased ? "unbiased" : "plain", ["pool"] = Name(pooling) };
        return new LayerSimilarity("cka", settings, one.Folder, other.Folder, Numbers(one, layer), Numbers(other, null), images.Count, values);
    }

    /// <summary>NPIB, of the layers' <see cref="Npib.Profiles"/> or, where both towers' features are in one space, of the features.</summary>
    /// <param name="one">A tower.</param>
    /// <param name="other">Another, or the same.</param>
    /// <param name="images">The pictures.</param>
    /// <param name="pooling">How a picture's tokens become an embedding.</param>
    /// <param name="temperature">What cosines are divided by.</param>
    /// <param name="sharedSpace">Whether features of the two towers are compared with each other as they are.</param>
    /// <param name="layer">The one layer of <paramref name="one"/> to compare; null: all.</param>
    /// <param name="progress">Hears how many pictures are done.</param>
    /// <exception cref="NanoVlmException">There are too few pictures, one cannot be read, a layer or a token is not there, or the widths of one space differ.</exception>
    public static LayerSimilarity Npib(
        Tower one, Tower other, IReadOnlyList<StoredImage> images, TokenPooling pooling = TokenPooling.Mean, double temperature = Analysis.Npib.DefaultTemperature,
        bool sharedSpace = false, int? layer = null, Action<int>? progress = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Check(one, other, images, pooling, layer);
        if (sharedSpace && one.Model.Config.HiddenSize != other.Model.Config.HiddenSize)
            throw new NanoVlmException($"{other.Folder}: features of {other.Model.Config.HiddenSize} numbers are in no common space with the {one.Model.Config.HiddenSize} of {one.Folder}; take --space profiles.");
        var (x, y) = Features(one, other, images, pooling, layer);
        progress?.Invoke(images.Count);
        double[,]? chance = null;
        if (!sharedSpace)
        {
            (x, y) = ([.. x.Select(Analysis.Npib.Profiles)], [.. y.Select(Analysis.Npib.Profiles)]);
            var order = Enumerable.Range(0, images.Count).Select(i => (long)i).ToArray();
            new RandomStream(0).Shuffle<long>(order);
            var shuffled = tensor(order);
            chance = Pairs(x, y, (a, b) => Analysis.Npib.Of(a, b.index_select(0, shuffled).index_select(1, shuffled), temperature));
        }
        var settings = new Dictionary<string, string>
        {
            ["space"] = sharedSpace ? "shared" : "profiles",
            ["temperature"] = temperature.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["pool"] = Name(pooling),
        };
        var values = Pairs(x, y, (a, b) => Analysis.Npib.Of(a, b, temperature));
        return new LayerSimilarity("npib", settings, one.Folder, other.Folder, Numbers(one, layer), Numbers(other, null), images.Count, values, chance);
    }

    /// <summary>Writes <c>MEASURE.png</c>, a heat map, and <c>MEASURE.json</c>, its numbers.</summary>
    /// <param name="folder">The folder to write to; made where it is missing.</param>
    /// <returns>The picture's path.</returns>
    /// <exception cref="NanoVlmException">It cannot be written.</exception>
    public string Save(string folder)
    {
        var output = new OutputFolder(folder);
        output.Write($"{Measure}.png", HeatMap.Draw(Values, Layers, OtherLayers, $"{Measure}, {Images} images", Model, Other));
        var numbers = new JsonObject { ["measure"] = Measure };
        foreach (var (name, value) in Settings) numbers[name] = name == "temperature" ? double.Parse(value, System.Globalization.CultureInfo.InvariantCulture) : value;
        numbers["model"] = Model;
        numbers["other"] = Other;
        numbers["images"] = Images;
        numbers["layers"] = new JsonArray([.. Layers.Select(number => JsonValue.Create(number))]);
        numbers["other_layers"] = new JsonArray([.. OtherLayers.Select(number => JsonValue.Create(number))]);
        numbers["values"] = OutputFolder.Matrix(Values);
        if (Chance is not null) numbers["chance"] = OutputFolder.Matrix(Chance);
        output.Write($"{Measure}.json", numbers);
        return Path.Combine(folder, $"{Measure}.png");
    }

    private static void Check(Tower one, Tower other, IReadOnlyList<StoredImage> images, TokenPooling pooling, int? layer)
    {
        one.RequireLayer(layer);
        one.RequirePooling(pooling);
        other.RequirePooling(pooling);
        if (images.Count < UnbiasedHsic.MinimumItems)
            throw new NanoVlmException($"{images.Count} pictures are too few to compare features over; give {UnbiasedHsic.MinimumItems} or more, better hundreds.");
    }

    private static (IReadOnlyList<Tensor> One, IReadOnlyList<Tensor> Other) Features(Tower one, Tower other, IReadOnlyList<StoredImage> images, TokenPooling pooling, int? layer)
    {
        var x = one.LayerFeatures(images, pooling);
        var y = ReferenceEquals(one, other) ? x : other.LayerFeatures(images, pooling);
        return (layer is { } only ? [x[only]] : x, y);
    }

    private static double[,] Pairs(IReadOnlyList<Tensor> x, IReadOnlyList<Tensor> y, Func<Tensor, Tensor, double> measure)
    {
        var values = new double[x.Count, y.Count];
        for (var i = 0; i < x.Count; i++)
            for (var j = 0; j < y.Count; j++)
            {
                using var inner = NewDisposeScope();
                values[i, j] = measure(x[i], y[j]);
            }
        return values;
    }

    private static int[] Numbers(Tower tower, int? layer) => layer is { } only ? [only] : [.. Enumerable.Range(0, tower.LastLayer + 1)];

    private static string Name(TokenPooling pooling) => pooling == TokenPooling.Class ? "cls" : "mean";
}
