using System.Text;
using System.Text.Json.Nodes;

namespace NanoVlm.Training.Tests;

/// <summary>The program's evaluation, by real processes.</summary>
[Collection(nameof(TinyRun))]
public sealed class EvalCommandTests : IDisposable
{
    private const int Interrupt = 2;
    private const int Questions = 24, Many = 200; // many: there is time to stop the program in the middle

    private readonly TinyRun run;
    private readonly TemporaryFolder folder = new();

    public EvalCommandTests(TinyRun run)
    {
        this.run = run;
        run.Result.Succeeded();
        WriteQuestions(Questions);
    }

    [Fact]
    public void The_shapes_score_that_train_prints_is_that_of_eval_on_its_best_checkpoint_to_the_item()
    {
        var trained = Assert.Single(Directory.GetFiles(Path.Combine(run.Run, "evaluations"), "*-shapes.json"));
        NanoVlmProgram.Run(run.Folder, "eval", "--model", run.Best, "--tasks", "shapes", "--output", folder["shapes.json"]).Succeeded();
        Assert.Equal(File.ReadAllText(trained), File.ReadAllText(folder["shapes.json"]));

        var result = Json("shapes.json");
        Assert.Equal(96, result["tasks"]![0]!["items"]!.AsArray().Count);
        var summary = JsonNode.Parse(File.ReadAllText(Path.Combine(run.Run, "summary.json")))!;
        Assert.Equal((double)summary["test_accuracy"]!, (double)result["tasks"]![0]!["figures"]![0]!["value"]!);
        var shown = ((double)summary["test_accuracy"]!).ToString("P1", System.Globalization.CultureInfo.InvariantCulture);
        Assert.Contains(shown, run.Result.Output);
    }

    [Fact]
    public void Without_its_images_a_model_scores_what_train_says()
    {
        NanoVlmProgram.Run(run.Folder, "eval", "--model", run.Best, "--tasks", "shapes", "--blind", "--output", folder["blind.json"]).Succeeded();
        Assert.Equal((double)JsonNode.Parse(File.ReadAllText(Path.Combine(run.Run, "summary.json")))!["blind_accuracy"]!, (double)Json("blind.json")["tasks"]![0]!["figures"]![0]!["value"]!);
    }

    [Fact]
    public void An_evaluation_killed_again_and_again_gives_the_file_of_one_that_was_not()
    {
        WriteQuestions(Many);
        Eval("whole.json").Succeeded();
        var random = new Random();
        var killed = new List<int>();
        for (var share = 1; share <= 2; share++)
        {
            // On a busy machine the program can end before this one comes to kill it.
            InTheMiddle("killed.json", 1 + (Many / 3 * (share - 1)) + random.Next(1, Many / 4), program => program.Kill());
            killed.Add(Lines("killed.json.partial.jsonl"));
        }
        File.AppendAllText(folder["killed.json.partial.jsonl"], "{\"task\":\"vqa-jsonl\",\"ind"); // a line cut short
        var said = Eval("killed.json").Succeeded();
        Assert.True(File.ReadAllBytes(folder["whole.json"]).AsSpan().SequenceEqual(File.ReadAllBytes(folder["killed.json"])), $"killed after {string.Join(" and ", killed)} lines\n{said}");
        Assert.Equal(["killed.json"], Directory.GetFiles(folder.Path, "killed.json*").Select(Path.GetFileName));
    }

    [Fact]
    public void Two_processes_write_the_file_of_one()
    {
        Eval("one.json").Succeeded();
        Eval("two.json", "--nproc", "2").Succeeded();
        Assert.Equal(File.ReadAllText(folder["one.json"]), File.ReadAllText(folder["two.json"]));
        Assert.Empty(Directory.GetFiles(folder.Path, "*partial*"));
    }

    [Fact]
    public void Shares_end_with_who_started_them_and_their_answers_are_gone_on_with_by_one_process()
    {
        WriteQuestions(Many);
        Eval("one.json").Succeeded();
        InTheMiddle("two.json", 4, program => program.Kill(), ".partial.jsonl.rank1", "--nproc", "2");
        // A share has its file to itself as long as it lives.
        foreach (var rank in new[] { "rank0", "rank1" })
            while (File.Exists(folder[$"two.json.partial.jsonl.{rank}.in-use"])) Thread.Sleep(1);
        Eval("two.json").Succeeded();
        Assert.Equal(File.ReadAllText(folder["one.json"]), File.ReadAllText(folder["two.json"]));
    }

    [UnixFact("signals")]
    public void A_signal_keeps_what_is_answered_and_says_how_to_go_on()
    {
        WriteQuestions(Many);
        InTheMiddle("stopped.json", 3, program => program.Signal(Interrupt))
            .Failed(130, "stopping", "stopped after", $"of {Many} items", "stopped.json.partial.jsonl", "go on with the same command");
        Assert.True(File.Exists(folder["stopped.json.partial.jsonl"]));
    }

    [Fact]
    public void What_is_answered_already_is_not_asked_again_unless_that_is_wished()
    {
        Eval("done.json").Succeeded();
        File.SetLastWriteTimeUtc(folder["done.json"], DateTime.UnixEpoch);
        var again = Eval("done.json");
        Assert.Contains("score", again.Succeeded());
        Assert.Contains("there already", again.Error);
        Assert.Equal(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(folder["done.json"]));
        Eval("done.json", "--restart").Succeeded();
        Assert.NotEqual(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(folder["done.json"]));
    }

    [Fact]
    public void A_share_is_begun_anew_apart_from_the_others()
    {
        Eval("strict.json", "--rules", "strict").Succeeded();
        foreach (var share in new[] { "0/2", "1/2" }) Eval("two.json", "--share", share).Succeeded();
        Eval("two.json", "--share", "0/2", "--rules", "strict").Failed(1, "--restart");
        foreach (var share in new[] { "0/2", "1/2" }) Eval("two.json", "--share", share, "--rules", "strict", "--restart").Succeeded();
        Assert.Equal(Questions + 2, Lines("two.json.partial.jsonl.rank0") + Lines("two.json.partial.jsonl.rank1")); // each once, and two headings
        Eval("two.json", "--rules", "strict").Succeeded();
        Assert.Equal(File.ReadAllText(folder["strict.json"]), File.ReadAllText(folder["two.json"]));
    }

    [Fact]
    public void An_evaluation_does_not_go_on_with_another_one_s_answers()
    {
        WriteQuestions(Many);
        InTheMiddle("other.json", 3, program => program.Kill());
        var before = File.ReadAllBytes(folder["other.json.partial.jsonl"]);
        Eval("other.json", "--rules", "strict").Failed(1, "rules is \"lmms-0.7.1\" there, \"strict\" now", "--restart");
        Eval("other.json", "--max-new-tokens", "3").Failed(1, "tasks[0].max_new_tokens is 64 there, 3 now");
        Eval("other.json", "--batch-size", "2").Failed(1, "batch_size is 1 there, 2 now");
        Assert.Equal(before, File.ReadAllBytes(folder["other.json.partial.jsonl"]));
        Eval("other.json", "--limit", "2", "--restart").Succeeded();
        Eval("other.json").Failed(1, "other.json: is of another evaluation", "limit is 2 there, nothing now", "--output");
    }

    [Fact]
    public void An_item_that_cannot_be_asked_is_named_and_counts_as_wrong()
    {
        var png = File.ReadAllBytes(run.Png);
        File.WriteAllBytes(folder["images/cut.png"], png[..^40]);
        WriteQuestions(3,
            """{"id": "cut", "image": "images/cut.png", "question": "What?", "answer": "red"}""",
            $$"""{"id": "long", "question": "{{string.Concat(Enumerable.Repeat("How many? ", 400))}}", "answer": "2"}""",
            """{"id": "marks", "image": "images/0.png", "question": "<image> or <image>?", "answer": "2"}""");
        var done = Eval("bad.json");
        done.Succeeded();
        foreach (var said in new[] { "item cut counts as wrong", "item long counts as wrong", "the model takes at most", "item marks counts as wrong", "2 <image> marks" }) Assert.Contains(said, done.Error);
        var task = Json("bad.json")["tasks"]![0]!;
        Assert.Equal((6, 3), ((int)task["count"]!, (int)task["errors"]!));
        Assert.Equal(6, (int)task["figures"]![0]!["count"]!);
        foreach (var item in task["items"]!.AsArray().Skip(3))
        {
            Assert.Equal(0, (double)item!["score"]!);
            Assert.NotEqual("", (string)item["error"]!);
        }
        Assert.Contains("could not be asked", done.Output);
    }

    [Fact]
    public void A_picture_that_no_tower_can_see_is_an_error_of_its_own()
    {
        File.WriteAllText(folder["images/cut.png"], "no picture");
        File.WriteAllLines(folder["labels.jsonl"], [.. Enumerable.Range(0, 6).SelectMany(i => new[] { "train", "test" }.Select(split => $$"""{"image": "images/{{i}}.png", "label": "{{i % 2}}", "split": "{{split}}"}""")),
            """{"image": "images/cut.png", "label": "0", "split": "test"}"""]);
        var done = NanoVlmProgram.Run(folder.Path, "eval", "--model", run.Best, "--tasks", "knn", "--data", folder["labels.jsonl"], "--output", "knn.json");
        Assert.Contains("could not be asked", done.Succeeded());
        var task = Json("knn.json")["tasks"]![0]!;
        Assert.Equal(1, (int)task["errors"]!);
        var error = (string)task["items"]!.AsArray().Single(item => item!["error"] is not null)!["error"]!;
        Assert.Contains("'images/cut.png' cannot be read", error);
        NanoVlmProgram.Run(folder.Path, "eval", "--model", run.Best, "--tasks", "knn", "--data", "labels.jsonl", "--blind").Failed(2, "--blind", "asked in words");
    }

    [Fact]
    public void A_result_is_rescored_compared_and_shown_when_model_and_data_are_gone()
    {
        using var elsewhere = new TemporaryFolder();
        Eval("result.json", "--limit", "12").Succeeded();
        File.Copy(folder["result.json"], elsewhere["result.json"]);
        Directory.Delete(folder["images"], recursive: true);
        File.Delete(folder["questions.jsonl"]);
        var table = NanoVlmProgram.Run(elsewhere.Path, "rescore", "result.json", "--rules", "strict").Succeeded();
        Assert.Contains("result.strict.json", table);
        Assert.Equal("strict", (string)JsonNode.Parse(File.ReadAllText(elsewhere["result.strict.json"]))!["rules"]!);
        var compared = NanoVlmProgram.Run(elsewhere.Path, "compare", "result.json", "result.strict.json").Succeeded();
        Assert.Contains("12 items, 0 better, 0 worse", compared);
        NanoVlmProgram.Run(elsewhere.Path, "results", "result.json", "--output", "page.html").Succeeded();
        Assert.Contains("shown without images", File.ReadAllText(elsewhere["page.html"]));
    }

    [Fact]
    public void The_page_holds_every_item_with_its_image()
    {
        Eval("result.json", "--limit", "12", "--page", "page.html").Succeeded();
        var page = File.ReadAllText(folder["page.html"]);
        var data = JsonNode.Parse(page.Split("<script type=\"application/json\" id=\"data\">")[1].Split("</script>")[0])!;
        var items = data["tasks"]![0]!["items"]!.AsArray();
        Assert.Equal(12, items.Count);
        Assert.All(items, item => Assert.Single(item!["images"]!.AsArray()));
        Assert.Equal(6, data["tasks"]![0]!["thumbnails"]!.AsArray().Count); // a picture is there once
        Assert.DoesNotContain("http", page);
        Assert.DoesNotContain("src=\"/", page);
    }

    [Fact]
    public void Wrong_usage_is_answered_with_what_there_is()
    {
        NanoVlmProgram.Run(folder.Path, "eval", "--model", run.Best, "--tasks", "shpes").Failed(2, "'shpes'", "did you mean 'shapes'", "mmstar");
        Eval("x.json", "--rules", "lmms-0.7").Failed(2, "did you mean 'lmms-0.7.1'", "vlmevalkit");
        Eval("x.json", "--limit", "0").Failed(2, "--limit must be 1 or more");
        Eval("x.json", "--share", "2/2").Failed(2, "'2/2' is not I/N");
        Eval("x.json", "--share", "0/2", "--nproc", "2").Failed(2, "--share", "leave --nproc out");
        NanoVlmProgram.Run(folder.Path, "eval", "--model", run.Best, "--tasks", "shapes", "--prompts", "lmm", "--output", "x.json").Failed(2, "no prompts 'lmm'", "did you mean 'lmms'");
        Eval("images").Failed(1, "images: is a folder", "--output");
        NanoVlmProgram.Run(folder.Path, "compare", "a.json", "b.json", "--resamples", "0").Failed(2, "--resamples must be 1 or more");
        NanoVlmProgram.Run(folder.Path, "eval", "--model", run.Best, "--tasks", "shapes,vqa-jsonl", "--data", "questions.jsonl").Failed(2, "does not say of which benchmark", "shapes=questions.jsonl");
        NanoVlmProgram.Run(folder.Path, "eval", "--model", "nowhere", "--tasks", "shapes").Failed(1, "nowhere: no such folder");
        NanoVlmProgram.Run(folder.Path, "eval", "--model", run.Best, "--tasks", "vqa-jsonl").Failed(1, "--data FILE.jsonl");
        NanoVlmProgram.Run(folder.Path, "rescore", "questions.jsonl", "--rules", "strict").Failed(1, "questions.jsonl: is not a result of an evaluation");
        Assert.Empty(Directory.GetFiles(folder.Path, "x.json*"));
    }

    [Fact]
    public void Benchmarks_are_scored_after_training_and_on_some_questions_while_it_trains()
    {
        var config = TinyRun.Config.Replace("\"path\": \"data\"", $"\"path\": \"{run.Folder}/data\"", StringComparison.Ordinal);
        File.WriteAllText(folder["tiny.json"], config);
        NanoVlmProgram.Run(folder.Path, "train", "--config", "tiny.json", "--set", "train.stop_at_step=10", "eval.tasks=[\"vqa-jsonl\"]", "eval.data={\"vqa-jsonl\":\"questions.jsonl\"}", "eval.during_training_limit=4", "eval.limit=20").Succeeded();
        var line = JsonNode.Parse(File.ReadLines(folder["checkpoints/tiny/metrics.jsonl"]).Single(line => line.Contains("validation_accuracy", StringComparison.Ordinal)))!;
        Assert.Contains((double)line["benchmarks"]!["vqa-jsonl"]!, new[] { 0, 0.25, 0.5, 0.75, 1 });
        var result = JsonNode.Parse(File.ReadAllText(folder["checkpoints/tiny/evaluations/step_000010-vqa-jsonl-first20.json"]))!;
        Assert.Equal(20, (int)result["tasks"]![0]!["count"]!);
        Assert.Equal((double)result["tasks"]![0]!["figures"]![0]!["value"]!, (double)JsonNode.Parse(File.ReadAllText(folder["checkpoints/tiny/summary.json"]))!["benchmarks"]!["vqa-jsonl"]!);
        // A conversation that cannot be read is wrong, and no end of the training.
        var lines = File.ReadAllLines(Path.Combine(run.Folder, "data", "test.jsonl"));
        File.WriteAllLines(folder["talks.jsonl"], [lines[0].Replace("images/test/", $"{run.Folder}/data/nowhere/", StringComparison.Ordinal), .. lines[1..3].Select(line => line.Replace("images/test/", $"{run.Folder}/data/images/test/", StringComparison.Ordinal))]);
        var trained = NanoVlmProgram.Run(folder.Path, "train", "--config", "tiny.json", "--set", "train.run_name=talks", "train.stop_at_step=10", "eval.tasks=[\"conversations\"]", "eval.data={\"conversations\":\"talks.jsonl\"}", "eval.during_training_limit=4");
        Assert.Contains("item #0 counts as wrong", trained.Succeeded() + trained.Error);
        NanoVlmProgram.Run(folder.Path, "train", "--config", "tiny.json", "--set", "eval.tasks=[\"vqa\"]").Failed(2, "eval.tasks", "'vqa'", "vqa-jsonl");
    }

    public void Dispose() => folder.Dispose();

    private string[] Arguments(string output, params string[] more) =>
        ["eval", "--model", run.Best, "--tasks", "vqa-jsonl", "--data", "questions.jsonl", "--batch-size", "1", "--output", output, .. more];

    private ProgramResult Eval(string output, params string[] more) => NanoVlmProgram.Run(folder.Path, more.Contains("--batch-size")
        ? [.. Arguments(output).Where(argument => argument is not ("--batch-size" or "1")), .. more] : Arguments(output, more));

    private JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(folder[file]))!;

    // Questions about a few pictures by turns: each is a batch of its own.
    private void WriteQuestions(int count, params string[] more)
    {
        const int pictures = 6;
        Directory.CreateDirectory(folder["images"]);
        for (var i = 0; i < pictures; i++) File.Copy(Path.Combine(run.Folder, "data", "images", "test", $"{i:D6}.png"), folder[$"images/{i}.png"], overwrite: true);
        string[] kinds = ["square", "circle", "triangle"], colours = ["red", "blue", "green", "yellow"];
        var lines = Enumerable.Range(0, count).Select(i =>
            $$"""{"image": "images/{{i % pictures}}.png", "question": "Is there a {{colours[i % 4]}} {{kinds[i % 3]}}{{new string('?', 1 + (i % 7))}}", "answer": "{{(i % 2 == 0 ? "yes" : "no")}}", "category": "{{kinds[i % 3]}}"}""");
        File.WriteAllLines(folder["questions.jsonl"], [.. lines, .. more]);
    }

    // Starts an evaluation and stops it when some answers are there. On a busy machine it can end before this process comes to that; then it begins anew.
    private ProgramResult InTheMiddle(string output, int lines, Action<NanoVlmProgram> stop, string partial = ".partial.jsonl", params string[] more)
    {
        for (var number = 0; ; number++)
        {
            using var program = NanoVlmProgram.Start(folder.Path, Arguments(output, more));
            while (Lines(output + partial) < lines && program.IsRunning) Thread.Sleep(1);
            stop(program);
            var result = program.Finish();
            if (!File.Exists(folder[output])) return result;
            Assert.True(number < 20, "The evaluation always ended before it could be stopped.");
            File.Delete(folder[output]);
        }
    }

    private int Lines(string file)
    {
        if (!File.Exists(folder[file])) return 0;
        using var stream = new FileStream(folder[file], FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var text = new MemoryStream();
        stream.CopyTo(text);
        return Encoding.UTF8.GetString(text.ToArray()).Count(c => c == '\n');
    }
}
