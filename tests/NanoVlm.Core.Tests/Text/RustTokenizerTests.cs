using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

/// <summary>
/// Hugging Face's own library (Rust, by the package Tokenizers.DotNet), where its native part is, on texts that no recording holds.
/// </summary>
public sealed class RustTokenizerTests
{
    private const int Texts = 300;

    public static TheoryData<string> Names => TokenizerGoldenTests.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Texts_mixed_of_the_golden_ones_have_the_ids_of_Hugging_Faces_library(string name)
    {
        if (!OperatingSystem.IsLinux() || System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64) return;
        var file = Path.Combine(TextGoldens.Folder(name), "tokenizer.json");
        using var rust = new Tokenizers.DotNet.Tokenizer(file);
        var ours = Tokenizer.Load(file);
        var texts = TextGoldens.Expected(name).GetProperty("encodings").EnumerateArray().Select(item => item.GetProperty("text").GetString()!).Where(text => text.Length > 0).ToArray();
        var random = new Random(17);
        for (var i = 0; i < Texts; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => Stretch(texts[random.Next(texts.Length)], random)));
            var expected = rust.Encode(text).Select(id => (int)id);
            Assert.True(expected.SequenceEqual(ours.Encode(text).Ids), $"\"{text}\": expected {string.Join(' ', expected)}, found {string.Join(' ', ours.Encode(text).Ids)}");
        }
    }

    // Whole characters: Rust has no lone surrogates.
    private static string Stretch(string text, Random random)
    {
        var runes = text.EnumerateRunes().ToArray();
        var from = random.Next(runes.Length);
        return string.Concat(runes[from..random.Next(from + 1, Math.Min(runes.Length, from + 40) + 1)]);
    }
}
