using System.Text.Json;

namespace NanoVlm.Tests.Text;

/// <summary>Where the stored inputs and outputs are.</summary>
internal static class TextGoldens
{
    public static string Repository { get; } = FindRepository();

    public static string Folder(string name) => Path.Combine(Repository, "tests", "goldens", name);

    public static JsonElement Expected(string name) => JsonElement.Parse(File.ReadAllBytes(Path.Combine(Folder(name), "expected.json")));

    public static int[] Ints(this JsonElement array) => [.. array.EnumerateArray().Select(i => i.GetInt32())];

    public static string[] Strings(this JsonElement array) => [.. array.EnumerateArray().Select(i => i.GetString()!)];

    private static string FindRepository()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "NanoVlm.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("the tests must run inside the repository");
    }
}
