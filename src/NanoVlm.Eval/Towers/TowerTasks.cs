using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Tasks;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Towers;

/// <summary>
/// Tasks of vision towers, which are asked by vectors and not by words. A picture that cannot be read counts as wrong where it is asked about, with the reason as what
/// was read, and is left out where it is learnt from.
/// </summary>
public static class TowerTasks
{
    private const string ZeroShot = "zero-shot-classification", Retrieval = "retrieval", Probe = "linear-probe", Neighbours = "knn";

    /// <summary>The tasks: <c>zero-shot-classification</c> and <c>retrieval</c> of dual encoders, <c>linear-probe</c> and <c>knn</c> of any vision tower.</summary>
    public static readonly IReadOnlyList<string> Names = [ZeroShot, Retrieval, Probe, Neighbours];

    /// <summary>Runs a task.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="modelFolder">The model folder.</param>
    /// <param name="dataPath">As for <see cref="ImageSet.Read"/>.</param>
    /// <param name="options">What it is run with; null: as published.</param>
    /// <returns>The figures, the headline first, and what was answered for each picture (and, of retrieval, for each text).</returns>
    /// <exception cref="NanoVlmException">A file is missing or damaged, the model has no tower that is needed, or the set nothing that can be asked about.</exception>
    /// <exception cref="ConfigurationException">config.json is wrong, or there is no such task.</exception>
    public static (IReadOnlyList<Figure> Figures, IReadOnlyList<ScoredItem> Items) Run(string name, string modelFolder, string dataPath, TowerTaskOptions? options = null)
    {
        if (!Names.Contains(name))
            throw new ConfigurationException("eval", [new("tasks", $"there is no task '{name}' of vision towers{NearestName.Suggestion(NearestName.Of(name, Names))}; there are {string.Join(", ", Names)}")]);
        options ??= new TowerTaskOptions();
        var set = ImageSet.Read(dataPath, captions: name == Retrieval);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return name switch
        {
            ZeroShot => Classify(modelFolder, dataPath, set, options),
            Retrieval => Retrieve(modelFolder, dataPath, set, options),
            _ => Learn(name, modelFolder, dataPath, set, options),
        };
    }

    private const string Rank = "rank"; // what retrieval reads of an answer

    private static (IReadOnlyList<Figure>, IReadOnlyList<ScoredItem>) Classify(string folder, string path, IReadOnlyList<LabelledImage> set, TowerTaskOptions options)
    {
        var asked = Drawn(Asked(path, set, options.Split), options);
        var beside = Path.Combine(Directory.Exists(path) ? path : Path.GetDirectoryName(path)!, ClassNames.FileName);
        var names = (options.Classes ?? (File.Exists(beside) ? beside : null)) is { } file ? ClassNames.Load(file) : ClassNames.Of(set.Select(image => image.Label!));
        if (asked.Select(image => image.Label!).FirstOrDefault(label => !names.Names.ContainsKey(label)) is { } strange)
            throw new NanoVlmException($"{options.Classes ?? beside}: has no name for the label '{strange}' of {path}.");
        // A list of names has each under its place too: one of the two is a class.
        var labels = names.Names.GroupBy(pair => pair.Value, ReferenceEqualityComparer.Instance).Select(same => same.Select(pair => pair.Key).ToArray()).ToArray();
        var classes = labels.SelectMany((keys, i) => keys.Select(key => (key, i))).ToDictionary(pair => pair.key, pair => pair.i);
        using var towers = ImageTextTowers.Open(folder);
        options.Said?.Invoke($"{labels.Length} classes, {names.Templates.Count} templates, {asked.Count} pictures");
        // One direction for a class: that of the mean of its sentences' (Radford et al. 2021, section 3.1.4).
        var texts = stack(labels.Select(keys =>
        {
            using var inner = NewDisposeScope();
            return ImageTextTowers.Unit(towers.EmbedTexts(names.Sentences(keys[0])).mean([0])).MoveToOuterDisposeScope();
        }));
        var errors = new Dictionary<int, string>();
        var scores = towers.EmbedImages([.. asked.Select(image => image.Image)], Failed(asked, errors, options)).mm(texts.t());
        return Judged(asked, errors, scores, [.. asked.Select(image => classes[image.Label!])], [.. labels.Select(keys => names.Names[keys[0]][0])]);
    }

    private static (IReadOnlyList<Figure>, IReadOnlyList<ScoredItem>) Retrieve(string folder, string path, IReadOnlyList<LabelledImage> set, TowerTaskOptions options)
    {
        var asked = Drawn(Asked(path, set, options.Split), options);
        using var towers = ImageTextTowers.Open(folder);
        string[] texts = [.. asked.SelectMany(image => image.Captions)];
        int[] owners = [.. asked.SelectMany((image, i) => image.Captions.Select(_ => i))];
        options.Said?.Invoke($"{asked.Count} pictures, {texts.Length} captions");
        var errors = new Dictionary<int, string>();
        var images = towers.EmbedImages([.. asked.Select(image => image.Image)], Failed(asked, errors, options));
        var scores = images.mm(towers.EmbedTexts(texts).t()); // [images, texts]
        var own = owners.Select((image, text) => (image, text)).ToLookup(pair => pair.image, pair => pair.text);
        var toText = Ranking.Of(scores, [.. Enumerable.Range(0, asked.Count).Select(i => errors.ContainsKey(i) ? [] : own[i].ToArray())]);
        var toImage = Ranking.Of(scores.t(), [.. owners.Select(image => errors.ContainsKey(image) ? Array.Empty<int>() : [image])]);
        var (firstTexts, firstImages) = (scores.argmax(1).data<long>().ToArray(), scores.argmax(0).data<long>().ToArray());
        var items = asked.Select((image, i) => new ScoredItem(
            $"image-to-text/{image.Id}", new Reference { Answers = image.Captions, Kind = "image-to-text", Category = "image_to_text_recall@1" }, errors.ContainsKey(i) ? "" : texts[firstTexts[i]], toText[i] == 1 ? 1 : 0, Read(i, toText[i])));
        var counterparts = texts.Select((text, i) => new ScoredItem(
            $"text-to-image/{asked[owners[i]].Id}#{own[owners[i]].TakeWhile(other => other != i).Count()}", new Reference { Answers = [asked[owners[i]].Id], Kind = "text-to-image", Category = "text_to_image_recall@1" }, asked[(int)firstImages[i]].Id, toImage[i] == 1 ? 1 : 0, Read(owners[i], toImage[i])));
        int[] depths = [1, 5, 10];
        return ([.. depths.Select(depth => Recall("image_to_text", toText, depth)), .. depths.Select(depth => Recall("text_to_image", toImage, depth))], [.. items, .. counterparts]);

        string Read(int image, int rank) => errors.TryGetValue(image, out var error) ? error : $"{Rank} {rank}";
        static Figure Recall(string direction, int[] ranks, int depth) => Share($"{direction}_recall@{depth}", ranks, depth);
    }

    private static (IReadOnlyList<Figure>, IReadOnlyList<ScoredItem>) Learn(string name, string folder, string path, IReadOnlyList<LabelledImage> set, TowerTaskOptions options)
    {
        var (known, asked) = Parts(path, set, options);
        string[] labels = [.. known.Concat(asked).Select(image => image.Label!).Distinct().Order(StringComparer.Ordinal)];
        var classes = labels.Select((label, i) => (label, i)).ToDictionary(pair => pair.label, pair => pair.i);
        using var tower = Tower.Open(folder);
        options.Said?.Invoke($"{labels.Length} classes, {known.Count} pictures to learn from, {asked.Count} to ask about");
        var (lost, errors) = (new Dictionary<int, string>(), new Dictionary<int, string>());
        var features = tower.Embed([.. known.Select(image => image.Image)], Failed(known, lost, options));
        long[] read = [.. Enumerable.Range(0, known.Count).Where(i => !lost.ContainsKey(i)).Select(i => (long)i)];
        if (read.Length == 0) throw new NanoVlmException($"{path}: none of the {known.Count} pictures to learn from can be read; the first: {lost.Values.First()}");
        if (lost.Count > 0) features = features.index_select(0, tensor(read));
        int[] targets = [.. read.Select(i => classes[known[(int)i].Label!])];
        var queries = tower.Embed([.. asked.Select(image => image.Image)], Failed(asked, errors, options));
        Tensor scores;
        if (name == Probe)
        {
            using var probe = LinearProbe.FitBest(features, targets, labels.Length, seed: options.Seed);
            options.Said?.Invoke(FormattableString.Invariant($"penalty {probe.Penalty}"));
            scores = probe.Logits(queries);
        }
        else scores = NearestNeighbours.Votes(features, targets, queries, labels.Length, options.Neighbours, options.Temperature);
        return Judged(asked, errors, scores, [.. asked.Select(image => classes[image.Label!])], labels);
    }

    // Why a picture was not judged; null: it was.
    internal static string? ErrorOf(ScoredItem item) => item.Extracted is { } said && !said.StartsWith(Rank + " ", StringComparison.Ordinal) ? said : null;

    private static (IReadOnlyList<Figure>, IReadOnlyList<ScoredItem>) Judged(IReadOnlyList<LabelledImage> asked, Dictionary<int, string> errors, Tensor scores, int[] right, string[] names)
    {
        var ranks = Ranking.Of(scores, [.. right.Select((label, i) => errors.ContainsKey(i) ? Array.Empty<int>() : [label])]);
        var first = scores.argmax(1).data<long>().ToArray();
        var items = asked.Select((image, i) => new ScoredItem(
            image.Id, new Reference { Answers = [names[right[i]]], Category = names[right[i]] }, errors.ContainsKey(i) ? "" : names[first[i]], ranks[i] == 1 ? 1 : 0, errors.GetValueOrDefault(i)));
        return (names.Length > 5 ? [Share("top1", ranks, 1), Share("top5", ranks, 5)] : [Share("top1", ranks, 1)], [.. items]);
    }

    private static Figure Share(string name, int[] ranks, int depth)
    {
        var share = ranks.Count(rank => rank <= depth) / (double)ranks.Length;
        return new Figure(name, share, ranks.Length, Interval.OfShare(share, ranks.Length));
    }

    // What is learnt from and what is asked about.
    private static (IReadOnlyList<LabelledImage> Known, IReadOnlyList<LabelledImage> Asked) Parts(string path, IReadOnlyList<LabelledImage> set, TowerTaskOptions options)
    {
        if (set.Any(image => image.Split is not null))
        {
            LabelledImage[] known = [.. set.Where(image => image.Split == "train")];
            if (known.Length == 0) throw new NanoVlmException($"{path}: has no part 'train' to learn from; it has {Listed(set)}.");
            var other = options.Split ?? (set.Any(image => image.Split is not (null or "train")) ? null : throw new NanoVlmException($"{path}: has the part 'train' alone; there must be 'validation' or 'test' to ask about."));
            return (Drawn(known, options), Drawn(Asked(path, set, other), options));
        }
        if (options.Split is not null) throw new NanoVlmException($"{path}: has no parts, so none is called '{options.Split}'.");
        if (set.Count < 2) throw new NanoVlmException($"{path}: {set.Count} picture is too few to learn from one and ask about another.");
        var order = Shuffled(set.Count, options.Seed);
        var count = Math.Clamp((int)Math.Round(set.Count * options.Asked), 1, set.Count - 1);
        return (InOrder(set, order[count..], options.Limit), InOrder(set, order[..count], options.Limit));
    }

    private static IReadOnlyList<LabelledImage> Asked(string path, IReadOnlyList<LabelledImage> set, string? split)
    {
        if (split is null && set.All(image => image.Split is null)) return set;
        var part = split ?? new[] { "test", "validation", "train" }.FirstOrDefault(name => set.Any(image => image.Split == name)) ?? set[0].Split;
        LabelledImage[] asked = [.. set.Where(image => image.Split == part)];
        return asked.Length > 0 ? asked : throw new NanoVlmException($"{path}: has no part '{part}'; it has {Listed(set)}.");
    }

    private static string Listed(IReadOnlyList<LabelledImage> set) => string.Join(", ", set.Select(image => image.Split ?? "rows without one").Distinct());

    // A set lies in the order of its classes: its first pictures are not like the rest.
    private static IReadOnlyList<LabelledImage> Drawn(IReadOnlyList<LabelledImage> images, TowerTaskOptions options) =>
        options.Limit < images.Count ? InOrder(images, Shuffled(images.Count, options.Seed), options.Limit) : images;

    // The first of those drawn, as they lie in the set: neighbours are read together.
    private static IReadOnlyList<LabelledImage> InOrder(IReadOnlyList<LabelledImage> images, int[] drawn, int? limit) =>
        [.. drawn.Take(limit ?? drawn.Length).Order().Select(i => images[i])];

    private static int[] Shuffled(int count, int seed)
    {
        var order = Enumerable.Range(0, count).ToArray();
        new RandomStream(seed).Shuffle<int>(order);
        return order;
    }

    private static Action<int, NanoVlmException> Failed(IReadOnlyList<LabelledImage> images, Dictionary<int, string> errors, TowerTaskOptions options) => (index, error) =>
    {
        errors[index] = error.Message;
        options.Said?.Invoke($"{images[index].Id}: {error.Message}");
    };
}
