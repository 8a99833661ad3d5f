using NanoVlm.Data;
using NanoVlm.Generation;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Tests.Models;
using NanoVlm.Text;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Generation;

/// <summary>nanoVLM's tiny golden model with all that it takes to ask it.</summary>
internal sealed class Talker : IDisposable
{
    private readonly LoadedModel loaded = Checkpoint.Load(RepositoryFiles.Golden("nanovlm-tied"));

    public Talker()
    {
        Builder = new SampleBuilder(loaded.Tokenizer, loaded.Processor, loaded.Model.Config.MpImageTokenLength);
        Generator = new TextGenerator(loaded.Model, loaded.Tokenizer);
    }

    public VisionLanguageModel Model => loaded.Model;

    public Tokenizer Tokenizer => loaded.Tokenizer;

    public SampleBuilder Builder { get; }

    public TextGenerator Generator { get; }

    /// <summary>Prompts of many lengths, with no image, one or two.</summary>
    public Sample[] Prompts(int count) => [.. Enumerable.Range(0, count).Select(i => Builder.Prompt(
        string.Join(' ', Enumerable.Range(0, 1 + 5 * i % 17).Select(word => $"word{(word + i) % 7}")), [.. Enumerable.Range(0, i % 3).Select(image => Picture(i + image))]))];

    public static RgbImage Picture(int seed)
    {
        var pixels = new byte[40 * 30 * 3];
        new Random(seed).NextBytes(pixels);
        return new RgbImage(40, 30, pixels);
    }

    public void Dispose() => loaded.Dispose();
}
