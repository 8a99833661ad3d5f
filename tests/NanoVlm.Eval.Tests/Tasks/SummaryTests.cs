using NanoVlm.Evaluation.Metrics;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Tests.Tasks;

public class SummaryTests
{
    [Fact]
    public void MMStars_average_is_of_its_parts_by_lmms_eval_and_of_all_questions_else()
    {
        var items = Scored("mmstar", Rules.LmmsHead, [.. Parts("math", "geometry", 4, 1), .. Parts("math", "statistics", 1, 1), .. Parts("perception", "emotion", 5, 0)]);
        Hold([("average", 1.25 / 3, 10), ("math", 0.625, 5), ("perception", 0, 5), ("emotion", 0, 5), ("geometry", 0.25, 4), ("statistics", 1, 1)], Figures("mmstar", items, Rules.LmmsHead));
        Hold([("average", 0.2, 10), ("math", 0.4, 5), ("perception", 0, 5)], Figures("mmstar", items, Rules.VlmEvalKit).Take(3));
        Assert.Equal(1.96 * Math.Sqrt(0.25 * 0.75 / 4) / 3, Figures("mmstar", items, Rules.LmmsHead)[0].Interval, 12);
        Assert.Equal(1.96 * Math.Sqrt(0.2 * 0.8 / 10), Figures("mmstar", items, Rules.Strict)[0].Interval, 12);

        static IEnumerable<(Reference, string)> Parts(string category, string part, int count, int right) => Enumerable.Range(0, count)
            .Select(i => (new Reference { Answers = ["A"], Category = category, Subcategory = part }, i < right ? "A" : "B"));
    }

    [Fact]
    public void MMMU_counts_questions_and_gives_disciplines_and_subjects()
    {
        Reference Of(string subject, string kind = "multiple-choice") => new() { Answers = [kind == "open" ? "42" : "A"], Options = kind == "open" ? [] : ["x", "y"], Category = subject, Kind = kind };
        var items = Scored("mmmu_val", Rules.Strict, [(Of("Music"), "A"), (Of("Music"), "B"), (Of("Math"), "(A)"), (Of("Math", "open"), "42")]);
        Hold([("accuracy", 0.75, 4), ("Art and Design", 0.5, 2), ("Science", 1, 2), ("Math", 1, 2), ("Music", 0.5, 2)], Figures("mmmu_val", items, Rules.Strict));
        Assert.Equal(0.5, Figures("mmmu_val", Scored("mmmu_val", Rules.Lmms071, [(Of("Math"), "A"), (Of("Math", "open"), "42")]), Rules.Lmms071)[0].Value);
    }

    [Fact]
    public void ChartQA_gives_peoples_and_made_questions_apart()
    {
        Reference Of(string split) => new() { Answers = ["100"], Category = split };
        var items = Scored("chartqa", Rules.LmmsHead, [(Of("human"), "104"), (Of("human"), "106"), (Of("augmented"), "95")]);
        Hold([("relaxed accuracy", 2.0 / 3, 3), ("augmented", 1, 1), ("human", 0.5, 2)], Figures("chartqa", items, Rules.LmmsHead));
    }

    [Fact]
    public void OCRBench_sums_points_by_kind()
    {
        Reference Of(string kind, string set = "x") => new() { Answers = ["Ab"], Category = kind, Kind = set };
        var items = Scored("ocrbench", Rules.LmmsHead, [(Of("Regular Text Recognition"), "it is ab."), (Of("Digit String Recognition"), "no"),
            (Of("Handwritten Mathematical Expression Recognition", "HME100k"), "A b"), (Of("Doc-oriented VQA"), "ab")]);
        var figures = Figures("ocrbench", items, Rules.LmmsHead);
        Hold([("score", 3, 4), ("Text Recognition", 1, 2), ("Digit String Recognition", 0, 1), ("Doc-oriented VQA", 1, 1), ("Handwritten Mathematical Expression Recognition", 1, 1), ("Regular Text Recognition", 1, 1)], figures);
        Assert.Equal(4, figures[0].Scale);
    }

    [Fact]
    public void MME_adds_points_for_images_with_both_questions_right()
    {
        Reference Of(string category, string image, string answer) => new() { Answers = [answer], Category = category, Group = $"{category}/{image}" };
        var items = Scored("mme", Rules.LmmsHead,
        [
            (Of("count", "1", "Yes"), "Yes."), (Of("count", "1", "No"), "no"), (Of("count", "2", "Yes"), "yes it is"), (Of("count", "2", "No"), "yes"),
            (Of("OCR", "1", "Yes"), "y"), (Of("OCR", "1", "No"), "n"), (Of("code_reasoning", "1", "Yes"), "maybe"), (Of("code_reasoning", "1", "No"), "No"),
        ]);
        var figures = Figures("mme", items, Rules.LmmsHead);
        Hold([("perception", 325, 6), ("cognition", 50, 2), ("count", 125, 4), ("OCR", 200, 2), ("code_reasoning", 50, 2)], figures);
        Assert.Equal([2000, 800, 200, 200, 200], figures.Select(figure => figure.Scale));
        Assert.Equal(1.96 * 75 / Math.Sqrt(2), figures[0].Interval, 10); // points of 200 and 50
    }

    [Fact]
    public void POPEs_headline_is_accuracy_by_lmms_eval_and_F1_by_VLMEvalKit()
    {
        Reference Of(string answer, string category = "random") => new() { Answers = [answer], Category = category };
        (Reference, string)[] asked = [(Of("yes"), "Yes"), (Of("yes"), "no"), (Of("yes"), "Yes."), (Of("no", "popular"), "yes"), (Of("no", "popular"), "No")];
        var lmms = Figures("pope", Scored("pope", Rules.LmmsHead, asked), Rules.LmmsHead);
        Hold([("accuracy", 0.4, 5), ("f1", 0.5, 5), ("precision", 0.5, 2), ("recall", 0.5, 3), ("yes ratio", 0.5, 4), ("yes ratio of the questions", 0.6, 5), ("popular", 0.5, 2), ("random", 1.0 / 3, 3),
            ("popular f1", 0, 2), ("random f1", 2.0 / 3, 3)], lmms);
        var kit = Figures("pope", Scored("pope", Rules.VlmEvalKit, asked), Rules.VlmEvalKit);
        Hold([("f1", 2.0 / 3, 5), ("accuracy", 0.6, 5), ("precision", 2.0 / 3, 3), ("recall", 2.0 / 3, 3), ("yes ratio", 0.6, 5)], kit.Take(5));
        Assert.InRange(kit[0].Interval, 0.2, 0.7);
    }

    [Fact]
    public void Captions_like_their_references_score_more()
    {
        Reference of = new() { Answers = ["a man rides a brown horse", "a man on a brown horse"] }, other = new() { Answers = ["two dogs run in the snow", "dogs in snow"] };
        double[] Of(string first, string second) => [.. Figures("captioning", Scored("captioning", Rules.LmmsHead, [(of, first), (other, second)]), Rules.LmmsHead).Select(figure => figure.Value)];
        var (right, near, wrong) = (Of("a man rides a brown horse", "two dogs run in the snow"), Of("a man rides a horse", "two dogs run"), Of("x", "y"));
        Assert.Equal([1, 1], right[1..].Select(value => Math.Round(value, 6)));
        Assert.All(right.Zip(near), pair => Assert.True(pair.First > pair.Second));
        Assert.All(wrong, value => Assert.InRange(value, 0, 1e-6));
        Assert.Equal(["cider", "bleu-4", "rouge-l"], Figures("captioning", Scored("captioning", Rules.Strict, [(of, "")]), Rules.Strict).Select(figure => figure.Name));
    }

    [Fact]
    public void Nothing_scored_is_no_error() =>
        Assert.All(Benchmarks.All.OfType<Benchmark>(), task => Assert.All(Rules.All, rules => Assert.All(task.Summarize([], rules), figure => Assert.Equal((0, 0), (figure.Value, figure.Count)))));

    private static ScoredItem[] Scored(string task, Rules rules, (Reference Reference, string Answer)[] answers) =>
        [.. answers.Select((one, i) => Benchmarks.Named(task).Score($"{i}", one.Reference, one.Answer, rules))];

    private static IReadOnlyList<Figure> Figures(string task, ScoredItem[] items, Rules rules) => Benchmarks.Named(task).Summarize(items, rules);

    private static void Hold((string Name, double Value, int Count)[] expected, IEnumerable<Figure> figures) =>
        Assert.Equal(expected.Select(figure => (figure.Name, Math.Round(figure.Value, 12), figure.Count)), figures.Select(figure => (figure.Name, Math.Round(figure.Value, 12), figure.Count)));
}
