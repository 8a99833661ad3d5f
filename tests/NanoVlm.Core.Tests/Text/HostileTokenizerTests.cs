using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

/// <summary>Damaged files either load and work or are refused with a message; nothing else happens.</summary>
public class HostileTokenizerTests
{
    private static readonly byte[] _alphabet = "\"\\{}[]:,0123456789-+.eEtrufalsn \u0000\u00ff\u0120"u8.ToArray();

    [Theory]
    [InlineData("tokenizer-smollm2", 1500)]
    [InlineData("tokenizer-llama3", 200)]
    [InlineData("tokenizer-gpt2", 1000)]
    [InlineData("tokenizer-llama2", 600)]
    [InlineData("tokenizer-unigram", 1000)]
    [InlineData("tokenizer-wordpiece", 1000)]
    public void Damaged_files_load_or_are_refused(string name, int rounds)
    {
        byte[] file = File.ReadAllBytes(Path.Combine(TextGoldens.Folder(name), "tokenizer.json"));
        byte[] config = File.ReadAllBytes(Path.Combine(TextGoldens.Folder(name), "tokenizer_config.json"));
        // Most of a file is its vocabulary; half of the damage goes to what stands around it.
        int head = file.AsSpan().IndexOf("\"vocab\""u8);
        var random = new Random(7);
        int loaded = 0;
        for (int round = 0; round < rounds; round++)
        {
            byte[] damagedConfig = round % 4 == 0 ? Damage(config, config.Length, random) : config;
            byte[] damaged = round % 4 == 0 ? file : Damage(file, round % 2 == 0 ? file.Length : head, random);
            try
            {
                var tokenizer = Tokenizer.Parse(damaged, damagedConfig);
                var encoding = tokenizer.Encode("Hello <|im_start|>wörld 12", "😀");
                tokenizer.Decode(encoding.Ids);
                loaded++;
            }
            catch (NanoVlmException)
            {
            }
        }
        Assert.InRange(loaded, 1, rounds - 1);
    }

    [Fact]
    public void Damaged_parts_of_every_kind_load_or_are_refused()
    {
        var random = new Random(11);
        int loaded = 0, refused = 0;
        foreach (var kind in TextGoldens.Expected("tokenizer-kinds").EnumerateArray())
        {
            byte[] file = System.Text.Encoding.UTF8.GetBytes(kind.GetProperty("tokenizer").GetRawText());
            for (int round = 0; round < 12; round++)
            {
                try
                {
                    var tokenizer = Tokenizer.Parse(Damage(file, file.Length, random));
                    tokenizer.Decode(tokenizer.Encode("Hello,  <s>wörld</s> ｶﾞ e\u0301 12", "😀").Ids);
                    loaded++;
                }
                catch (NanoVlmException)
                {
                    refused++;
                }
            }
        }
        Assert.True(loaded > 100 && refused > 100, $"{loaded} loaded, {refused} refused");
    }

    [Fact]
    public void Beginnings_of_a_file_are_refused()
    {
        byte[] file = File.ReadAllBytes(Path.Combine(TextGoldens.Folder("tokenizer-smollm2"), "tokenizer.json"));
        for (int length = 0; length < file.Length - 1; length += 97)
            Assert.Throws<NanoVlmException>(() => Tokenizer.Parse(file.AsMemory(0, length)));
    }

    [Fact]
    public void A_broken_string_that_nothing_reads_is_refused_when_it_is_to_be_written()
    {
        byte[] file = File.ReadAllBytes(Path.Combine(TextGoldens.Folder("tokenizer-smollm2"), "tokenizer.json"));
        var tokenizer = Tokenizer.Parse(file, """{"note": "\ud800"}"""u8.ToArray());
        string folder = Directory.CreateTempSubdirectory("tokenizer").FullName;
        Assert.Throws<NanoVlmException>(() => tokenizer.Save(folder));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Deep_nesting_is_refused()
    {
        string deep = string.Concat(Enumerable.Repeat("""{"type":"Sequence","pretokenizers":[""", 10_000));
        var e = Assert.Throws<NanoVlmException>(() => Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes($$"""{"pre_tokenizer":{{deep}}""")));
        Assert.Contains("not valid JSON", e.Message);
    }

    private static byte[] Damage(byte[] file, int within, Random random)
    {
        var bytes = file.ToList();
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(Math.Min(within, bytes.Count));
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = _alphabet[random.Next(_alphabet.Length)];
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 30), bytes.Count - at));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(random.Next(within / 2), Math.Min(random.Next(1, 20), within / 2)));
                    break;
            }
        }
        return [.. bytes];
    }
}
