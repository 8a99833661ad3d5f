using NanoVlm.Data;
using NanoVlm.Data.Sources;

namespace NanoVlm.Tests.Data;

public sealed class ConversationSourceTests
{
    private const string Good = """{"image": "a.png", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "kinds": ["colour"], "id": 7}""";

    [Fact]
    public void Both_forms_of_rows_are_read_and_images_are_found_beside_the_file()
    {
        using var folder = new TemporaryFolder();
        string a = folder.Write("a.png", "x"), b = folder.Write("b.png", "x");
        using var source = ConversationSource.Open(folder.Write("set.jsonl", Good + """

            {"images": ["a.png", "b.png"], "question": "<image><image> Same?", "answer": "no"}

            {"question": "Ünïcödé 😀", "answer": "ja"}
            """));
        Assert.Equal(3, source.Count);
        Assert.Equal([a], source[0].Images.Select(image => image.Name));
        Assert.Equal([new Turn("q", "a")], source[0].Turns);
        Assert.Equal(["colour"], source[0].Kinds);
        Assert.Equal([a, b], source[1].Images.Select(image => image.Name));
        Assert.Equal([new Turn("Ünïcödé 😀", "ja")], source[2].Turns);
        Assert.Empty(source[2].Images);
        Assert.Empty(source[2].Kinds);
        Assert.EndsWith("set.jsonl:4", source[2].Origin);
    }

    [Fact]
    public void A_JSON_array_is_read_as_well()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", "x");
        using var source = ConversationSource.Open(folder.Write("set.json", $$"""
            [
              {{Good}},
              {"question": "brackets ]}, \" and [{", "answer": "\\"},
              {"question": "last",
               "answer": "one"}
            ]
            """));
        Assert.Equal(["q", "brackets ]}, \" and [{", "last"], source.Select(row => row.Turns[0].User));
        Assert.Equal("\\", source[1].Turns[0].Assistant);
        Assert.EndsWith("set.json:4", source[2].Origin);
    }

    [Theory]
    [InlineData("[garbage")]
    [InlineData("[]")]
    [InlineData("[1, 2, 3]")]
    [InlineData(Good + "]")]
    [InlineData("[" + Good + "]")]
    public void A_line_that_is_an_array_is_one_bad_row_and_the_other_lines_are_read(string line)
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", "x");
        foreach (var name in (string[])["set.jsonl", "set.JSONL", "set.txt"])
        {
            using var source = ConversationSource.Open(folder.Write(name, $"{line}\n{Good}\n{Good}\n{line}\n"));
            Assert.Equal(4, source.Count);
            Assert.Contains($"{name}:1: ", Assert.Throws<NanoVlmException>(() => source[0]).Message);
            Assert.Contains($"{name}:4: ", Assert.Throws<NanoVlmException>(() => source[3]).Message);
            Assert.Equal(["q", "q"], new[] { source[1], source[2] }.Select(row => row.Turns[0].User));
        }
    }

    [Theory]
    [InlineData("set.json")]
    [InlineData("set.txt")]
    [InlineData("set")]
    public void A_file_that_is_one_array_is_an_array_whatever_its_name_but_jsonl(string name)
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", "x");
        using var source = ConversationSource.Open(folder.Write(name, $"\n[{Good},\n\n{Good}\n]\n \t\r\n"));
        Assert.Equal([2, 4], source.Select(row => int.Parse(row.Origin.Split(':')[^1])));
    }

    [Theory]
    [InlineData($"[\n{Good},\n{Good}]\n[{Good}]\n", "set.json:4: something follows the array's closing bracket")]
    [InlineData($"[\n{Good}] x", "set.json:2: something follows the array's closing bracket")]
    [InlineData($"[\n{Good},\n{Good}\n", "set.json:3: the element that begins here does not end: the array's closing bracket is missing")]
    [InlineData($"[\n{Good},\n", "set.json:3: the file ends before the array's closing bracket")]
    [InlineData("[", "set.json:1: the file ends before the array's closing bracket")]
    [InlineData($"[\n{Good},\n{{\n\"image\": \"a.png\",\n", "set.json:3: the element that begins here does not end: a brace or bracket is not closed")]
    [InlineData($"[\n{Good},\n{{\"question\": \"oops, \"answer\": \"b\"}},\n{Good}\n]\n", "set.json:3: the element that begins here does not end: a string is not closed")]
    [InlineData($"[\n{Good},\n{Good}}},\n{Good}\n]\n", "set.json:3: the element that begins here has a closing brace too many")]
    [InlineData("[garbage\n", "set.json:1: the element that begins here does not end")]
    public void An_array_that_is_not_whole_is_refused_at_opening_so_that_no_row_is_lost(string text, string said)
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", "x");
        var message = Assert.Throws<NanoVlmException>(() => ConversationSource.Open(folder.Write("set.json", text))).Message;
        Assert.Contains(said, message);
        Assert.Contains("expected one JSON array of objects", message);
    }

    [Theory]
    [InlineData("""{"image": "a.png" """, "not valid JSON")]
    [InlineData("""[1, 2]""", "the row must be a JSON object")]
    [InlineData("""{"image": "a.png"}""", "expected the key \"conversations\", or \"question\" and \"answer\"; found \"image\"")]
    [InlineData("""{"image": 3, "question": "q", "answer": "a"}""", "\"image\" must be a string; found 3")]
    [InlineData("""{"images": "a.png", "question": "q", "answer": "a"}""", "\"images\" must be a list of strings")]
    [InlineData("""{"question": "q", "answer": null}""", "\"answer\" must be a string; found null")]
    [InlineData("""{"conversations": []}""", "must be a list of turns")]
    [InlineData("""{"conversations": [{"from": "human", "value": "q"}]}""", "must be a list of turns")]
    [InlineData("""{"conversations": [{"from": "gpt", "value": "q"}, {"from": "gpt", "value": "a"}]}""", "\"conversations\"[0].\"from\" must be \"human\" or \"user\"; found \"gpt\"")]
    [InlineData("""{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt"}]}""", "\"conversations\"[1] must be {\"from\": ..., \"value\": ...}")]
    [InlineData("""{"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}""", "\"conversations\"[0] is a system message, which a sample cannot have")]
    [InlineData("""{"image": "empty.png", "question": "q", "answer": "a"}""", "the image empty.png is empty")]
    [InlineData("""{"question": "q", "answer": "a", "kinds": ["x", "y"]}""", "\"kinds\" has 2 entries for 1 turns")]
    [InlineData("""{"image": "lost.png", "question": "q", "answer": "a"}""", "there is no image lost.png")]
    [InlineData("""{"image": "a\u0000.png", "question": "q", "answer": "a"}""", "the image name a\\0.png has a null character")]
    [InlineData("""{"\ud800aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": 1}""", "set.jsonl:2: ")]
    public void A_bad_row_is_named_by_file_and_line_with_what_was_expected(string row, string message)
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", "x");
        folder.Write("empty.png", "");
        using var source = ConversationSource.Open(folder.Write("set.jsonl", $"{Good}\n{row}\n{Good}\n"));
        var e = Assert.Throws<NanoVlmException>(() => source[1]);
        Assert.Contains("set.jsonl:2: ", e.Message);
        Assert.Contains(message, e.Message);
        Assert.Equal("q", source[2].Turns[0].User);
    }

    [Fact]
    public void Several_files_are_one_set_with_images_in_a_folder_of_their_own()
    {
        using var folder = new TemporaryFolder();
        var images = Directory.CreateDirectory(Path.Combine(folder.Path, "pictures")).FullName;
        folder.Write("pictures/a.png", "x");
        string[] paths = [folder.Write("1.jsonl", $"{Good}\n{Good}\n"), folder.Write("2.json", $"[{Good}]")];
        using var source = ConversationSource.Open("set", paths, images);
        Assert.Equal([$"{paths[0]}:1", $"{paths[0]}:2", $"{paths[1]}:1"], source.Select(row => row.Origin));
        Assert.All(source, row => Assert.Equal(Path.Combine(images, "a.png"), row.Images.Single().Name));
    }

    [Fact]
    public void Users_and_assistants_null_images_other_keys_and_ten_thousand_turns_are_read()
    {
        using var folder = new TemporaryFolder();
        var turns = string.Join(", ", Enumerable.Range(0, 10_000).Select(i => $$"""{"from": "user", "value": "q{{i}}", "time": 1}, {"from": "assistant", "value": "a{{i}}"}"""));
        using var source = ConversationSource.Open(folder.Write("set.jsonl", $$"""{"id": 1, "image": null, "images": null, "source": {"x": [1]}, "conversations": [{{turns}}]}"""));
        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => new Turn($"q{i}", $"a{i}")), source[0].Turns);
        Assert.Empty(source[0].Images);
    }

    [Fact]
    public void Missing_and_empty_files_are_named()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("nowhere.jsonl: no such file", Assert.Throws<NanoVlmException>(() => ConversationSource.Open(Path.Combine(folder.Path, "nowhere.jsonl"))).Message);
        foreach (string nothing in new[] { "", " \n\n", "[]", " [ ] \n" })
            Assert.Contains("has no rows", Assert.Throws<NanoVlmException>(() => ConversationSource.Open(folder.Write("set.json", nothing))).Message);
    }

    [Fact]
    public void Damaged_files_give_messages_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", "x");
        var random = new RandomStream(1);
        byte[] good = System.Text.Encoding.UTF8.GetBytes($"{Good}\n{Good}\n[{Good}, {Good}]");
        for (int round = 0; round < 300; round++)
        {
            byte[] bytes = [.. good[..(1 + random.Below(good.Length))]];
            for (int i = random.Below(4); i >= 0; i--)
                bytes[random.Below(bytes.Length)] = (byte)random.Below(256);
            try
            {
                using var source = ConversationSource.Open(folder.Write("fuzz.jsonl", bytes));
                for (int i = 0; i < source.Count; i++)
                    try { Assert.NotEmpty(source[i].Turns); }
                    catch (NanoVlmException) { }
            }
            catch (NanoVlmException) { }
        }
    }
}
