using NanoVlm.Evaluation.Prompts;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Tests.Tasks;

public sealed class PromptTests : IDisposable
{
    private const string Letter = "\nAnswer with the option's letter from the given choices directly.";
    private const string Word = "\nAnswer the question using a single word or phrase.";
    private const string Select = "\nPlease select the correct answer from the options above. \n";
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void MMStar_asks_for_the_letter_without_a_full_stop() => Holds("mmstar",
        lmms: "Where is it? \nOptions: A: on the, er, book., B: under it, C: here, D: there\nAnswer with the option's letter from the given choices directly",
        vlmevalkit: "Question: Where is it?\nOptions:\nA. on the, er, book.\nB. under it\nC. here\nD. there" + Select,
        nanovlm: "Question: Where is it?\nChoices:\nA. on the, er, book.\nB. under it\nC. here\nD. there\nAnswer with the letter.\nAnswer:");

    [Fact]
    public void MMStar_without_a_list_of_options_is_asked_as_it_is() => Holds("mmstar", row: 2,
        lmms: "No list here\nAnswer with the option's letter from the given choices directly",
        vlmevalkit: "Question: No list here\n",
        nanovlm: "Question: No list here\nAnswer:");

    [Fact]
    public void MMMU_reads_its_options_as_Python_and_keeps_the_references_to_images_as_text()
    {
        Holds("mmmu_val", lmms: "Compare <image 2> with <image 1>. See <image 1>?\nA. it's\nB. a \"b\"\nC. x\ny\nD. \\alpha \beta\n" + Letter, images: "image_1 image_2");
        Holds("mmmu_val", row: 1, lmms: "<image 1> How many?\n" + Word, images: "image_1");
    }

    [Fact]
    public void MMMU_by_VLMEvalKit_has_the_images_where_they_are_referred_to()
    {
        Holds("mmmu_val", vlmevalkit: "Question: Compare <image> with <image>. See <image>?\nOptions:\nA. it's\nB. a \"b\"\nC. x\ny\nD. \\alpha \beta" + Select, images: "image_2 image_1 image_1");
        Holds("mmmu_val", row: 1, vlmevalkit: "Question: <image> How many?\n", images: "image_1");
        Holds("mmmu_val", row: 2, vlmevalkit: "Question: Which?\nOptions:\nA. <image>\nB. <image>" + Select, images: "image_1 image_2");
    }

    [Fact]
    public void MMMU_by_VLMEvalKits_wrapper_for_nanoVLM_ends_a_line_at_each_reference()
    {
        Holds("mmmu_val", nanovlm: "Question: Compare\nwith\n. See\n?\nChoices:\nA. it's\nB. a \"b\"\nC. x\ny\nD. \\alpha \beta\nAnswer with the letter.\nAnswer:", images: "image_2 image_1 image_1");
        Holds("mmmu_val", row: 1, nanovlm: "Question: How many?", images: "image_1");
        Holds("mmmu_val", row: 2, nanovlm: "Question: Which?\nChoices:\nA.\nB.\nAnswer with the letter.\nAnswer:", images: "image_1 image_2");
    }

    [Theory]
    [InlineData("scienceqa")]
    [InlineData("scienceqa_img")]
    public void ScienceQA_gives_the_hint_as_context(string task) => Holds(task,
        lmms: "Context: Look closely.\nWhich is hard?\nA. silk\nB. rock" + Letter,
        vlmevalkit: "Hint: Look closely.\nQuestion: Which is hard?\nOptions:\nA. silk\nB. rock" + Select,
        nanovlm: "Hint: Look closely.\nQuestion: Which is hard?\nChoices:\nA. silk\nB. rock\nAnswer with the letter.\nAnswer:");

    [Fact]
    public void ScienceQA_without_a_hint_has_no_context_and_may_have_no_image() => Holds("scienceqa", row: 1,
        lmms: "Why?\nA. a\nB. b\nC. c" + Letter, vlmevalkit: "Question: Why?\nOptions:\nA. a\nB. b\nC. c" + Select, images: "");

    [Fact]
    public void AI2D_lists_its_options_by_letter() => Holds("ai2d",
        lmms: "What is A?\nA. ear\nB. nose" + Letter, vlmevalkit: "Question: What is A?\nOptions:\nA. ear\nB. nose" + Select, nanovlm: "Question: What is A?\nChoices:\nA. ear\nB. nose\nAnswer with the letter.\nAnswer:");

    [Fact]
    public void ChartQA_asks_for_a_single_word()
    {
        Holds("chartqa", lmms: "How many?\nAnswer the question with a single word.", vlmevalkit: "How many?" + Word);
        var asked = Ask("chartqa", "nanovlm").Question;
        Assert.StartsWith("For the question below, follow the following instructions:\n-The answer should contain as few words as possible.\n", asked);
        Assert.EndsWith("about an entity.\nQuestion: How many?" + Word, asked);
    }

    [Fact]
    public void DocVQA_and_InfoVQA_ask_for_a_word_or_phrase()
    {
        Holds("docvqa_val", lmms: "What is the date?" + Word, vlmevalkit: "What is the date?" + Word,
            nanovlm: "Give a short and terse answer to the following question. Do not paraphrase or reformat the text you see in the image. Do not include any full stops. Just give the answer without additional explanation. Question: What is the date?" + Word);
        Holds("infovqa_val", lmms: "What is the date?" + Word, vlmevalkit: "What is the date?" + Word, nanovlm: "What is the date?" + Word + "\nGive a very brief answer.");
    }

    [Fact]
    public void TextVQA_makes_the_first_letter_large_and_all_others_small()
    {
        Holds("textvqa_val", lmms: "What is the brand?" + Word, vlmevalkit: "what is THE Brand?" + Word);
        Holds("textvqa_val", row: 2, lmms: "Éa" + Word);
        Assert.EndsWith("found in the image.\nQuestion: what is THE Brand?" + Word, Ask("textvqa_val", "nanovlm").Question);
    }

    [Fact]
    public void VQAv2_asks_for_a_word_or_phrase() => Holds("vqav2_val", lmms: "Is it?" + Word, vlmevalkit: "Is it?" + Word, nanovlm: "Is it?" + Word);

    [Fact]
    public void OCRBench_asks_the_question_only() => Holds("ocrbench",
        lmms: "what is written in the image?", vlmevalkit: " what is written in the image? ", nanovlm: "what is written in the image?\nGive a very brief answer.");

    [Fact]
    public void MME_asks_for_a_word_instead_of_yes_or_no() => Holds("mme",
        lmms: "Are there two?" + Word, vlmevalkit: "Are there two? Please answer yes or no.", nanovlm: "Are there two? Please answer yes or no.\nGive a very brief answer.");

    [Fact]
    public void POPE_asks_for_a_word_or_phrase() => Holds("pope", lmms: "Is there a snowboard in the image?" + Word,
        vlmevalkit: "Is there a snowboard in the image?", nanovlm: "Is there a snowboard in the image?\nGive a very brief answer.");

    [Fact]
    public void SEED_Bench_lists_four_choices() => Holds("seedbench", lmms: "How many towels?\nA. One\nB. Two\nC. Three\nD. Four" + Letter,
        vlmevalkit: "Question: How many towels?\nOptions:\nA. One\nB. Two\nC. Three\nD. Four" + Select);

    [Theory]
    [InlineData("captioning")]
    [InlineData("flickr30k")]
    public void Captioning_asks_for_one_sentence(string task) => Holds(task, lmms: "Provide a one-sentence caption for the provided image.",
        vlmevalkit: "Please describe this image in general. Directly provide the description, do not include prefix like \"This image depicts\". ");

    [Fact]
    public void Answers_are_as_long_as_published()
    {
        var published = new Dictionary<string, int>
        {
            ["mmstar"] = 50,
            ["mmmu_val"] = 128,
            ["scienceqa"] = 16,
            ["scienceqa_img"] = 16,
            ["ai2d"] = 16,
            ["chartqa"] = 16,
            ["docvqa_val"] = 32,
            ["infovqa_val"] = 32,
            ["textvqa_val"] = 50,
            ["vqav2_val"] = 16,
            ["ocrbench"] = 128,
            ["mme"] = 16,
            ["pope"] = 128,
            ["seedbench"] = 50,
            ["captioning"] = 64,
            ["flickr30k"] = 64,
        };
        var tasks = Benchmarks.All.OfType<Benchmark>().ToList();
        Assert.Equal(published, tasks.ToDictionary(task => task.Name, task => task.MaxNewTokens));
        Assert.All(tasks, task => Assert.Equal(2048, task.MaxNewTokensWith("nanovlm")));
        Assert.Equal(["seedbench", "textvqa_val"], tasks.Where(task => task.StopStrings.SequenceEqual(["ASSISTANT:"])).Select(task => task.Name).Order());
    }

    [Fact]
    public void Every_set_has_a_format_for_every_benchmark_and_a_version()
    {
        foreach (var set in PromptSet.Names.Select(PromptSet.Named))
        {
            Assert.Equal(Benchmarks.All.OfType<Benchmark>().Select(task => task.Name).Order(), set.Tasks.Keys.Order());
            Assert.Contains("2026", set.Version);
        }
    }

    [Fact]
    public void An_unknown_set_is_answered_with_the_nearest_and_those_that_there_are() =>
        Assert.Equal("There are no prompts 'nanovlmm'; did you mean 'nanovlm'; there are lmms, nanovlm, vlmevalkit, or name a file that ends in .json.",
            Assert.Throws<NanoVlmException>(() => PromptSet.Named("nanovlmm")).Message);

    [Fact]
    public void A_set_can_be_a_file_of_the_users()
    {
        var file = folder["mine.json"];
        File.WriteAllText(file, """{ "version": "mine 1", "tasks": { "pope": { "prompt": "Q: {question} {braces} A:", "max_new_tokens": 3 } } }""");
        Assert.Equal("Q: Is there a snowboard in the image? {braces} A:", Ask("pope", file).Question);
        Assert.Equal(3, Benchmarks.Named("pope").MaxNewTokensWith(file));
        Assert.Contains("have no format for mme; they have pope.", Assert.Throws<NanoVlmException>(() => Ask("mme", file)).Message);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[")]
    [InlineData("""{ "version": "1", "tasks": { "pope": { "promt": "x", "max_new_tokens": 3 } } }""")]
    [InlineData("""{ "version": "1", "tasks": { "pope": { "prompt": "x", "max_new_tokens": 3, "question": ["shout"] } } }""")]
    public void A_damaged_set_is_named(string json)
    {
        File.WriteAllText(folder["bad.json"], json);
        Assert.StartsWith($"{folder["bad.json"]}: not a set of prompts: ", Assert.Throws<NanoVlmException>(() => PromptSet.Named(folder["bad.json"])).Message);
    }

    [Fact]
    public void What_is_filled_in_is_not_filled_in_again() =>
        Assert.Equal("{options} A. {question}\n", new PromptFormat { Prompt = "{question} {options}\n", MaxNewTokens = 1 }.Write("{options}", ["{question}"]));

    public void Dispose() => folder.Dispose();

    private void Holds(string task, string? lmms = null, string? vlmevalkit = null, string? nanovlm = null, int row = 0, string? images = null)
    {
        foreach (var (prompts, expected) in new[] { ("lmms", lmms), ("vlmevalkit", vlmevalkit), ("nanovlm", nanovlm) })
        {
            if (expected is null) continue;
            var item = Ask(task, prompts, row);
            Assert.Equal(expected, item.Question);
            if (images is not null) Assert.Equal(images, string.Join(' ', item.Images.Select(image => image.Name.Split(", ")[^1].Split(' ')[0])));
        }
    }

    private TaskItem Ask(string task, string prompts, int row = 0)
    {
        var benchmark = Benchmarks.Named(task);
        return benchmark.Open(new TaskData(benchmark.RowsFile(folder.Path), prompts))[row];
    }
}
