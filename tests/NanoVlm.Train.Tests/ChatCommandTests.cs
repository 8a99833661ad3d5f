namespace NanoVlm.Training.Tests;

[Collection(nameof(TinyRun))]
public sealed class ChatCommandTests(TinyRun run)
{
    [Fact]
    public void Every_question_has_its_answer_and_the_first_is_that_of_generate()
    {
        var alone = NanoVlmProgram.Run(run.Folder, "generate", "--model", run.Best, "--image", run.Png, "--prompt", "How many red objects are there?", "--greedy", "--max-new-tokens", "8").Succeeded();
        var said = Chat($"{run.Png}How many red objects are there?\n");
        var spaced = Chat($"'{run.Png}'How many red objects are there?\n/help\nAnd blue ones?\n/quit\nnever asked\n");
        Assert.Equal(alone, spaced.Output.Split('\n')[0] + "\n");
        Assert.Equal(2, spaced.Output.Count(c => c == '\n'));
        Assert.Contains("/reset", spaced.Error);
        Assert.Equal(1, said.Output.Count(c => c == '\n')); // no path stands there: it is all text
    }

    [Fact]
    public void A_forgotten_conversation_begins_anew()
    {
        var twice = Chat("What is it?\n/reset\nWhat is it?\n").Output.Split('\n');
        Assert.Equal(twice[0], twice[1]);
    }

    [Fact]
    public void A_picture_that_is_not_there_is_named_and_the_talk_goes_on()
    {
        var chat = Chat("./nowhere.png what is it?\n./no\0where.png what is it?\nWhat is it?\n/nonsense\n");
        Assert.Contains("nowhere.png", chat.Error);
        Assert.Contains("there is no /nonsense", chat.Error);
        Assert.Equal(1, chat.Output.Count(c => c == '\n'));
    }

    private (string Output, string Error) Chat(string input)
    {
        var result = NanoVlmProgram.Run(run.Folder, System.Text.Encoding.UTF8.GetBytes(input), "chat", "--model", run.Best, "--greedy", "--max-new-tokens", "8");
        return (result.Succeeded(), result.Error);
    }
}
