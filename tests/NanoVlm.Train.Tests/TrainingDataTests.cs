using NanoVlm.Configuration;

namespace NanoVlm.Training.Tests;

public sealed class TrainingDataTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData(2, 0.02)]
    [InlineData(3, 0.99)]
    [InlineData(100, 0.02)]
    [InlineData(100, 0.5)]
    public void A_split_has_every_conversation_on_one_side(int count, double fraction)
    {
        File.WriteAllLines(folder["all.jsonl"], Enumerable.Range(0, count).Select(i => $$"""{"question": "What is {{i}}?", "answer": "{{i}}"}"""));
        string[] Questions(IEnumerable<Data.RawSample> samples) => [.. samples.Select(s => s.Turns[0].User)];
        var section = new DataSection { Train = [new JsonlSource { Path = folder["all.jsonl"] }], ValidationFraction = fraction, Seed = 3 };
        using var data = TrainingData.Open(section, _ => { }, default);
        var (train, validation) = (Questions(data.Train.Sources[0]), Questions(data.Validation));
        Assert.Empty(train.Intersect(validation));
        Assert.Equal(count, train.Concat(validation).Distinct().Count());
        Assert.NotEmpty(train);
        Assert.NotEmpty(validation);

        using var again = TrainingData.Open(section, _ => { }, default);
        Assert.Equal(validation, Questions(again.Validation));
        if (count < 100) return;
        using var other = TrainingData.Open(section with { Seed = 4 }, _ => { }, default);
        Assert.NotEqual(validation, Questions(other.Validation));
    }

    [Fact]
    public void Shapes_bring_their_own_splits_and_are_rendered_once()
    {
        var section = new DataSection { Train = [new ShapesSource { Path = folder["data"], Images = 6, Validation = 3, Test = 4 }] };
        var said = new List<string>();
        using (var data = TrainingData.Open(section, said.Add, default))
            Assert.Equal((6, 3, 4), ((int)data.Train.EpochLength, data.Validation.Count, data.Test.Count));
        Assert.NotEmpty(said);
        said.Clear();
        using (TrainingData.Open(section, said.Add, default)) Assert.Empty(said);
    }

    [Fact]
    public void One_conversation_cannot_be_split()
    {
        File.WriteAllText(folder["one.jsonl"], """{"question": "a", "answer": "b"}""");
        var error = Assert.Throws<NanoVlmException>(() => TrainingData.Open(new DataSection { Train = [new JsonlSource { Path = folder["one.jsonl"] }] }, _ => { }, default));
        Assert.Contains("validate", error.Message);
    }

    public void Dispose() => folder.Dispose();
}
