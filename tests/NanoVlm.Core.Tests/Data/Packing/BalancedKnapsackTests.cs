using System.Text.Json;
using NanoVlm.Bench;

namespace NanoVlm.Tests.Data.Packing;

/// <summary>The packing of nanoVLM that ours is measured beside, as nanoVLM ran it.</summary>
public sealed class BalancedKnapsackTests
{
    [Fact]
    public void Its_rows_are_nanoVLMs()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.Golden("nanovlm-data/expected.json")));
        var cases = golden.RootElement.GetProperty("knapsack").EnumerateArray().ToArray();
        Assert.NotEmpty(cases);
        foreach (var test in cases)
        {
            var items = Numbers(test.GetProperty("lengths")).Zip(Numbers(test.GetProperty("images"))).ToArray();
            int? maxImages = test.GetProperty("max_images") is { ValueKind: JsonValueKind.Number } most ? most.GetInt32() : null;
            var groups = BalancedKnapsack.Groups(items, test.GetProperty("L").GetInt32(), test.GetProperty("delta").GetInt32(), maxImages);
            Assert.Equal(test.GetProperty("groups_before_shuffle").EnumerateArray().Select(Numbers), groups);
        }

        static int[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(number => number.GetInt32())];
    }
}
