using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Prompts;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tasks;

/// <summary>Captions of photographs, held against those of several people.</summary>
internal sealed class CaptioningTask : Benchmark
{
    private readonly string id, captions;

    private CaptioningTask(string name, PublishedSet published, string id, string captions)
    {
        (Name, Published, this.id, this.captions) = (name, published, id, captions);
        Columns = [new(id, TableKind.Label), new("image", TableKind.Image), new(captions, TableKind.Texts)];
    }

    /// <summary>COCO's validation set of 2017 (Chen et al. 2015, https://arxiv.org/abs/1504.00325).</summary>
    public static CaptioningTask Coco { get; } = new("captioning", new("lmms-lab/COCO-Caption2017", null, "val", 5000), "question_id", "answer");

    /// <summary>Flickr30k (Young et al. 2014, https://aclanthology.org/Q14-1006).</summary>
    public static CaptioningTask Flickr30k { get; } = new("flickr30k", new("lmms-lab/flickr30k", null, "test", 31_783), "img_id", "caption");

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override PublishedSet Published { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<TableColumn> Columns { get; }

    /// <inheritdoc/>
    protected override string? Id(TableRow row) => row.Label(id);

    /// <inheritdoc/>
    protected override (string, IReadOnlyList<StoredImage>, Reference) Ask(TableRow row, PromptFormat format) =>
        (format.Write(""), Image(row), new Reference { Answers = row.Texts(captions) });

    /// <summary>ROUGE-L, the one of the figures that a caption has by itself.</summary>
    /// <inheritdoc/>
    public override ScoredItem Score(string id, Reference reference, string answer, Rules rules) => new(id, reference, answer, RougeL.Score(answer, reference.Answers, rules));

    /// <summary>CIDEr, which is at most 10, BLEU-4 and ROUGE-L.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<Figure> Summarize(IReadOnlyList<ScoredItem> items, Rules rules)
    {
        (string, IReadOnlyList<string>)[] captions = [.. items.Select(item => (item.Answer, item.Reference.Answers))];
        var cider = Cider.Of(captions, rules);
        // BLEU is of the whole: it is reckoned anew for each draw, of which there are as many as take seconds.
        var resamples = Math.Clamp(100_000 / Math.Max(1, captions.Length), 20, 1000);
        return
        [
            new Figure("cider", cider.Count == 0 ? 0 : cider.Average(), cider.Count, Interval.OfMean([.. cider]), 10),
            new Figure("bleu-4", captions.Length == 0 ? 0 : Bleu(captions), captions.Length, Interval.Bootstrap(captions, Bleu, resamples: resamples)),
            Figures.Mean("rouge-l", items),
        ];

        double Bleu(IReadOnlyList<(string, IReadOnlyList<string>)> of) => Metrics.Bleu.Of(of, rules)[3];
    }
}
