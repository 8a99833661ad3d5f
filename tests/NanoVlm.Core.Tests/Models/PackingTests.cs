using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Configuration;
using NanoVlm.Data;
using NanoVlm.Data.Packing;
using NanoVlm.Language;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>
/// A packed row is its documents run one by one: in loss and in every gradient, on nanoVLM's own architecture, whose rotary angles change
/// beyond the positions it was trained on (fewer here than rows have tokens), and on DINOv3 with Gemma-3, whose windows are shorter than the
/// documents and whose images see themselves in both directions.
/// </summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class PackingTests
{
    private const int ImageTokens = 4;
    private const int MaxTokens = 32; // of a document, and padded ones

    /// <summary>Words before, between and after its images.</summary>
    public sealed record Document(int Seed, int[] Words)
    {
        public override string ToString() => $"{Seed}:{string.Join('i', Words)}";
    }

    private static readonly Document[] _documents =
    [
        new(1, [2, 5]), new(2, [7]), new(3, [1, 0, 4]), new(4, [0, 3]), new(5, [3, 0]), new(6, [0, 1, 1, 6]), new(7, [26]), new(8, [2, 2]), new(9, [1, 1]), new(10, [2, 9, 3]),
    ];

    public static TheoryData<string, bool> Models => new() { { "llama", false }, { "llama", true }, { "gemma", false }, { "gemma", true } };

    [Theory, MemberData(nameof(Models))]
    public void Rows_have_the_loss_and_the_gradients_of_their_documents_alone(string name, bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var model = Make(name);
        var samples = _documents.Select(document => Sample(document, model)).ToArray();
        Assert.True(samples[..4].Sum(sample => sample.InputIds.Length) > MaxTokens);
        AssertSame(model, samples, [samples[..4], [samples[4]], samples[5..]], 1e-5); // the second row is mostly padding
    }

    [Theory, MemberData(nameof(Models))]
    public void So_do_rows_of_any_documents_in_any_order(string name, bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var model = Make(name);
        var words = Gen.Choose(0, 6).ArrayOf(3).Zip(Gen.Choose(1, 3)).Select(pair => pair.Item1[..pair.Item2]).Where(words => words.Sum() > 1);
        var documents = Gen.Choose(0, 1000).Zip(words).Select(pair => new Document(pair.Item1, pair.Item2)).NonEmptyListOf().Where(list => list.Count <= 12);
        Prop.ForAll(documents.Zip(Gen.Choose(MaxTokens, 80)).ToArbitrary(), test =>
        {
            using var scope = NewDisposeScope();
            var samples = test.Item1.Select(document => Sample(document, model)).ToArray();
            var packer = new RowPacker<Sample>(test.Item2, maxImages: 6, window: 4, seed: samples.Length);
            foreach (var sample in samples) packer.Add(sample, sample.InputIds.Length, sample.Tiles);
            packer.Finish();
            var rows = new List<IReadOnlyList<Sample>>();
            while (packer.TryTake(out var row)) rows.Add(row);
            AssertSame(model, samples, rows, 5e-5); // sums over up to twelve documents, whatever they are, round to more than the fixed ones' 1e-5 at times
        }).Check(FsCheck.Config.QuickThrowOnFailure.WithMaxTest(20));
    }

    [Theory, MemberData(nameof(Models))]
    public void Without_the_borders_between_them_the_loss_is_another(string name, bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = Make(name);
        var batch = Collate([[.. _documents.Select(document => Sample(document, model))]], model);
        var (apart, together) = (Loss(model, batch), Loss(model, batch with { Layout = null }));
        Assert.True(Math.Abs(together - apart) > 1e-3 * apart, $"{together} and {apart}");
        var positions = batch.Layout!.Positions;
        var restarting = Loss(model, batch with { Layout = batch.Layout with { Documents = [.. positions.Select(_ => 1L)] } });
        Assert.True(Math.Abs(restarting - apart) > 1e-3 * apart, $"{restarting} and {apart}"); // positions alone keep nothing apart
    }

    [Theory, MemberData(nameof(Models))]
    public void A_change_to_one_document_changes_the_loss_of_no_other(string name, bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = Make(name);
        var samples = _documents.Select(document => Sample(document, model)).ToArray();
        var before = Losses(samples);
        for (var changed = 0; changed < samples.Length; changed++)
        {
            var other = samples[changed] with { InputIds = [.. samples[changed].InputIds.Select(id => id == model.ImageTokenId ? id : (id + 1) % 30)], Pixels = [.. samples[changed].Pixels.Select(pixel => 1 - pixel)] };
            var after = Losses([.. samples[..changed], other, .. samples[(changed + 1)..]]);
            for (var i = 0; i < samples.Length; i++)
                if (i == changed) Assert.NotEqual(before[i], after[i]);
                else Assert.Equal(before[i], after[i]);
        }

        // The loss of each document, of one packed row in which it alone has labels.
        double[] Losses(Sample[] row) => [.. Enumerable.Range(0, row.Length).Select(of =>
            Loss(model, Collate([[.. row.Select((sample, i) => i == of ? sample : sample with { Labels = [.. sample.Labels.Select(_ => SampleBuilder.IgnoreLabel)] })]], model)))];
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_mask_of_the_padding_changes_nothing_whatever_padding_sees(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = Make("llama");
        using var transformers = new VisionLanguageModel(model.Config, model.ImageTokenId, model.Config.Language() with { PaddingSeesAll = true });
        foreach (var (name, parameter) in transformers.named_parameters()) parameter.copy_(model.get_parameter(name)!);
        var samples = _documents.Select(document => Sample(document, model)).ToArray();
        var batch = Collate([samples[..4], [samples[4]], samples[5..]], model);
        var expected = Loss(model, batch);
        Near.Equal(expected, Sum(model, batch, masked: true).ToDouble(), 1e-6, "the kernel's or nanoVLM's way");
        Near.Equal(expected, Sum(transformers, batch, masked: true).ToDouble(), 1e-6, "transformers' way");
    }

    private static void AssertSame(VisionLanguageModel model, IReadOnlyList<Sample> samples, IReadOnlyList<IReadOnlyList<Sample>> rows, double tolerance)
    {
        model.zero_grad();
        var alone = samples.Sum(sample => Backward(Collate([[sample]], model)));
        var gradients = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad?.clone());
        model.zero_grad();
        Near.Equal(alone, Backward(Collate(rows, model)), 1e-5, "loss");
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (gradients[name] is not { } expected) Assert.True(parameter.grad is null, name); // the tower's, of texts alone
            else Near.Equal(expected, parameter.grad!, tolerance, name);
        }

        double Backward(Batch batch)
        {
            using var scope = NewDisposeScope();
            var loss = Sum(model, batch);
            loss.backward();
            return loss.ToDouble();
        }
    }

    private static double Loss(VisionLanguageModel model, Batch batch) => Sum(model, batch).ToDouble();

    private static Tensor Sum(VisionLanguageModel model, Batch batch, bool masked = false)
    {
        long[] shape = [batch.Size, batch.Length];
        var layout = batch.Layout is not { } rows ? null : new RowLayout(tensor(rows.Positions, shape), tensor(rows.Documents, shape), rows.LastPosition);
        var pixels = batch.Tiles == 0 ? null : tensor(batch.Pixels, [batch.Tiles, 3, batch.TileSize, batch.TileSize]);
        return model.Loss(tensor(batch.InputIds, shape), pixels, tensor(batch.Labels, shape), masked ? tensor(batch.AttentionMask, shape) : null, layout).Sum;
    }

    private static Batch Collate(IReadOnlyList<IReadOnlyList<Sample>> rows, VisionLanguageModel model) => Batch.Collate(rows, 0, model.Config.VitImgSize, default);

    private static Sample Sample(Document document, VisionLanguageModel model)
    {
        var random = new Random(document.Seed);
        var ids = new List<int>();
        for (var i = 0; i < document.Words.Length; i++)
        {
            if (i > 0) ids.AddRange(Enumerable.Repeat((int)model.ImageTokenId, ImageTokens));
            ids.AddRange(Enumerable.Range(0, document.Words[i]).Select(_ => random.Next(30)));
        }
        var labels = ids.Skip(1).Append(SampleBuilder.IgnoreLabel).Select(id => id == model.ImageTokenId ? SampleBuilder.IgnoreLabel : id);
        var (tiles, side) = (document.Words.Length - 1, model.Config.VitImgSize);
        return new Sample(document.ToString(), [.. ids], [.. labels], [.. Enumerable.Range(0, tiles * 3 * side * side).Select(_ => random.NextSingle())], tiles);
    }

    private static VisionLanguageModel Make(string name)
    {
        var model = name == "llama"
            ? TinyModel.Make(config: TinyModel.Config with { LmMaxPositionEmbeddings = MaxTokens })
            : MixedModelTests.Make(ProjectorKind.Linear, bidirectional: true);
        model.eval(); // DINOv3 moves its coordinates at random otherwise
        return model;
    }
}
