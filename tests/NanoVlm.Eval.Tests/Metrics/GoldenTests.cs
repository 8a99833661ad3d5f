using System.Text;
using NanoVlm.Evaluation.Metrics;

namespace NanoVlm.Evaluation.Tests.Metrics;

/// <summary>Ours against the published Python, exactly.</summary>
public sealed class GoldenTests
{
    [Fact]
    public void Answers_are_normalised_as_by_the_EvalAI_processor_of_TextVQA() =>
        Golden.Hold("evalai", row => EvalAiAnswer.Normalize(row.Text(0), Rules.LmmsHead), row => row.Text(1));

    [Fact]
    public void Answers_are_normalised_as_by_the_EvalAI_processor_of_VQAv2() =>
        Golden.Hold("evalai", row => EvalAiAnswer.Normalize(row.Text(0), Rules.Lmms071, wordTokenize: false), row => row.Text(2));

    [Fact]
    public void Answers_are_normalised_as_by_VLMEvalKit() =>
        Golden.Hold("evalai", row => EvalAiAnswer.Normalize(row.Text(0), Rules.VlmEvalKit), row => row.Text(3));

    [Fact]
    public void VQA_accuracy_is_that_of_TextVQA_VQAv2_and_VLMEvalKit() => Golden.Hold("vqa",
        row => (Digits(Vqa(row, Rules.LmmsHead, true)), Digits(Vqa(row, Rules.LmmsHead, false)), Digits(Vqa(row, Rules.VlmEvalKit, true))),
        row => (Digits(row.Number(2)), Digits(row.Number(3)), Digits(row.Number(4))));

    private static double Digits(double value) => Math.Round(value, 14); // theirs is a mean of rounded thirds, ours one division

    private static double Vqa(System.Text.Json.JsonElement row, Rules rules, bool wordTokenize) => VqaAccuracy.Score(row.Text(0), row.Texts(1), rules, wordTokenize);

    [Fact]
    public void ANLS_is_that_of_both_harnesses() =>
        Golden.Hold("anls", row => (Anls.Score(row.Text(0), row.Texts(1), Rules.Lmms071), Anls.Score(row.Text(0), row.Texts(1), Rules.VlmEvalKit)), row => (row.Number(2), row.Number(2)));

    [Fact]
    public void Relaxed_accuracy_is_that_of_both_harnesses() =>
        Golden.Hold("relaxed", row => (RelaxedAccuracy.Score(row.Text(0), row.Text(1), Rules.LmmsHead), RelaxedAccuracy.Score(row.Text(0), row.Text(1), Rules.VlmEvalKit)), row => (row.Number(2), row.Number(3)));

    [Fact]
    public void MMStar_is_scored_as_by_lmms_eval_before_the_change() =>
        Golden.Hold("choices", row => MultipleChoice.MMStar(row.Text(0), row.Texts(1), row.Text(2), Rules.Lmms071).Score, row => row.Number(3));

    [Fact]
    public void MMStars_letter_is_the_one_that_lmms_eval_extracts_since() =>
        Golden.Hold("choices", row => MultipleChoice.MMStar(row.Text(0), row.Texts(1), row.Text(2), Rules.LmmsHead).Extracted ?? "", row => row.Text(4));

    [Fact]
    public void ScienceQA_AI2D_and_SEED_Bench_are_scored_as_by_lmms_eval() => Golden.Hold("choices",
        row => (MultipleChoice.ScienceQa(row.Text(0), row.Texts(1), row.Text(2), Rules.LmmsHead).Score, MultipleChoice.Ai2d(row.Text(0), row.Texts(1), row.Text(2), Rules.LmmsHead).Score,
            MultipleChoice.SeedBench(row.Text(0), row.Texts(1), row.Text(2), Rules.LmmsHead).Score),
        row => (row.Number(5), row.Number(6), row.Number(7)));

    [Fact]
    public void The_option_is_the_one_that_VLMEvalKit_infers() =>
        Golden.Hold("choices", row => MultipleChoice.CanInfer(row.Text(0), row.Texts(1)), row => row[8].GetString());

    [Fact]
    public void MMMUs_letter_is_the_official_one_and_guessed_only_where_the_official_one_is() => Golden.Hold("choices",
        row => MmmuAnswer.MultipleChoice(row.Text(0), row.Texts(1), "an id", Rules.LmmsHead),
        row => row.Text(9) == "?" ? MmmuAnswer.MultipleChoice("", row.Texts(1), "an id", Rules.LmmsHead) : row.Text(9));

    [Fact]
    public void Open_MMMU_questions_are_scored_as_officially_and_as_by_VLMEvalKit() => Golden.Hold("mmmu_open",
        row => (MmmuAnswer.Open(row.Text(0), row.Texts(1), Rules.LmmsHead), MmmuAnswer.Open(row.Text(0), row.Texts(1), Rules.VlmEvalKit)), row => (row.Number(2), row.Number(3)));

    [Fact]
    public void Numbers_are_found_as_by_MMMUs_three_patterns() => Golden.Hold("mmmu_open",
        row => string.Join(' ', Numerals.In(row.Text(0)).Select(number => PythonText.Float(number.Replace(",", "")))), row => string.Join(' ', row.Texts(4).Select(Golden.Float)));

    [Fact]
    public void Yes_and_no_are_read_as_by_MME_POPE_and_VLMEvalKit() => Golden.Hold("yes_no",
        row => (Mme.Parse(row.Text(0), Rules.LmmsHead), Pope.Parse(row.Text(0), Rules.LmmsHead), Mme.Parse(row.Text(0), Rules.VlmEvalKit), Pope.Parse(row.Text(0), Rules.VlmEvalKit)),
        row => (row.Text(1), row.Text(2), row.Text(3), row.Text(3)));

    [Fact]
    public void POPEs_figures_are_lmms_evals() => Golden.Hold("pope",
        row => Pope.Of([.. row[0].EnumerateArray().Select(item => (item.Text(0), item.Text(1)))], Rules.LmmsHead) with { YesRatio = 0 },
        row => new PopeScores(row.Number(1), row.Number(2), row.Number(3), row.Number(4), 0, row.Number(5)));

    [Fact]
    public void MMEs_points_are_lmms_evals() => Golden.Hold("mme",
        row => Math.Round(Mme.Of(row[0].EnumerateArray().Select(item => (item.Text(0), item.Text(1), item.Number(2)))).Sum(category => category.Points), 9), row => Math.Round(row.Number(1), 9));

    [Fact]
    public void OCRBench_is_scored_as_by_lmms_eval_then_and_now_and_by_VLMEvalKit() => Golden.Hold("ocrbench",
        row => (Ocr(row, Rules.Lmms071), Ocr(row, Rules.LmmsHead), Ocr(row, Rules.VlmEvalKit)), row => (row.Number(3), row.Number(4), row.Number(5)));

    private static double Ocr(System.Text.Json.JsonElement row, Rules rules) => OcrBench.Score(row.Text(0), row.Texts(1), row.Text(2), rules);

    [Fact]
    public void BLEU_CIDEr_and_ROUGE_are_those_of_COCOs_caption_evaluation()
    {
        foreach (var row in Golden.Rows("captions"))
        {
            (string, IReadOnlyList<string>)[] corpus = [.. row[0].EnumerateArray().Select(item => (item.Text(0), (IReadOnlyList<string>)item.Texts(1)))];
            Near(row[1], Bleu.Of(corpus, Rules.VlmEvalKit));
            Near(row[2], Cider.Of(corpus, Rules.VlmEvalKit));
            Near(row[3], [.. corpus.Select(item => RougeL.Score(item.Item1, item.Item2, Rules.VlmEvalKit))]);
        }

        static void Near(System.Text.Json.JsonElement theirs, IReadOnlyList<double> ours)
        {
            Assert.Equal(theirs.GetArrayLength(), ours.Count);
            for (var i = 0; i < ours.Count; i++)
                Assert.Equal(theirs[i].GetDouble(), ours[i], 1e-12);
        }
    }

    [Fact]
    public void Numbers_are_read_as_by_Pythons_float() =>
        Golden.Hold("float", row => PythonText.Float(row.Text(0)), row => row[1].GetString() is { } value ? Golden.Float(value) : (double?)null);

    [Fact]
    public void Numbers_are_rounded_as_by_Pythons_round() => Golden.Hold("round", row => PythonText.RoundToHundredths(Golden.Float(row.Text(0))), row => Golden.Float(row.Text(1)));

    [Fact]
    public void White_space_digits_small_letters_and_lengths_of_capitals_are_Pythons()
    {
        var tables = Golden.Rows("characters")[0];
        Assert.Equal(tables.GetProperty("space").EnumerateArray().Select(c => c.GetInt32()), Enumerable.Range(0, 0x10000).Where(c => PythonText.IsSpace((char)c)));
        Assert.All(tables.GetProperty("digit").EnumerateArray(), c => Assert.InRange(PythonText.Digit(c.GetInt32()), 0, 9));
        Assert.All(tables.GetProperty("lower").EnumerateArray(), row => Assert.Equal(row.Text(1), char.ConvertFromUtf32(row[0].GetInt32()).Lower()));
        var upper = tables.GetProperty("upper").EnumerateArray().ToDictionary(row => row[0].GetInt32(), row => row[1].GetInt32());
        // The raw length divides: an answer of one such character against a far longer right one shows it.
        Assert.All(Enumerable.Range(0, 0x110000).Where(Rune.IsValid), c =>
        {
            if (upper.ContainsKey(c) || c < 0x3000)
                Assert.Equal(upper.GetValueOrDefault(c, 1), Anls.Upper(char.ConvertFromUtf32(c)));
        });
    }
}
