using NanoVlm.Configuration;
using NanoVlm.Generation;
using NanoVlm.Language;
using NanoVlm.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>Decoding of Gemma-3, whose windows slide past what the cache holds, and of Llama 3.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class DecoderTests
{
    public static TheoryData<string, bool> Models => new() { { "gemma3-text", false }, { "gemma3-text", true }, { "llama3-like", false }, { "llama3-like", true } };

    [Theory, MemberData(nameof(Models))]
    public void Read_in_pieces_through_the_cache_a_text_has_the_states_it_has_at_once(string name, bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var decoder = Pretrained.LoadLanguageModel(RepositoryFiles.Golden(name));
        using var generator = new Generator(3);
        var ids = randint(3, 140, [2, 30], generator: generator).to(ScalarType.Int64);
        var embeddings = decoder.Embed(ids, ScalarType.Float32);
        var whole = decoder.forward(embeddings);
        foreach (var pieces in new long[][] { [30], [12, 18], [7, 1, 13, 9], [6, .. Enumerable.Repeat(1L, 24)] })
        {
            using var cache = new KvCache(decoder.Config, 2, 30);
            var parts = new List<Tensor>();
            foreach (var piece in pieces)
                parts.Add(decoder.forward(embeddings.narrow(1, cache.Lengths[0], piece), cache: cache));
            Near.Equal(whole, cat(parts, 1), 1e-4, $"pieces of {string.Join(", ", pieces)}");
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Prompts_padded_to_one_batch_go_on_as_each_goes_on_alone(string name, bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var decoder = Pretrained.LoadLanguageModel(RepositoryFiles.Golden(name));
        long[][] prompts = [[.. Enumerable.Range(5, 14).Select(i => (long)i * 7 % 131)], [17, 90, 31, 8], [.. Enumerable.Range(40, 21).Select(i => (long)i)]];
        foreach (var left in new[] { true, false })
        {
            var (ids, mask) = TinyModel.Padded(prompts, left);
            var together = Continue(ids, mask);
            for (var row = 0; row < prompts.Length; row++)
                Assert.Equal(Continue(tensor(prompts[row], [1, prompts[row].Length]), null).data<long>().ToArray(), together.select(0, row).data<long>().ToArray());
        }

        Tensor Continue(Tensor prompt, Tensor? attention)
        {
            return Decoding.Continue(decoder, decoder.Embed(prompt, ScalarType.Float32), attention, ScalarType.Float32, 12);
        }
    }

    [Fact]
    public void A_sliding_layer_is_blind_to_what_lies_before_its_window()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var config = HuggingFaceLanguage.Read(HuggingFaceConfig.Load(RepositoryFiles.Golden("gemma3-text"))) with { NumHiddenLayers = 1, LayerTypes = [LayerType.SlidingAttention] };
        using var decoder = new CausalLanguageModel(config);
        using var generator = new Generator(1);
        foreach (var parameter in decoder.parameters()) Drawn.Normal(parameter, 0, 0.2, generator);
        var embeddings = randn([1, 20, config.HiddenSize], generator: generator);
        var other = embeddings.clone();
        other.narrow(1, 0, 4).mul_(-1);
        var (first, second) = (decoder.forward(embeddings), decoder.forward(other));
        Assert.True((first - second).narrow(1, 4 + 7, 1).abs().max().ToDouble() < 1e-6); // position 11 sees 4 to 11
        Assert.True((first - second).narrow(1, 4 + 6, 1).abs().max().ToDouble() > 1e-4); // position 10 still sees 3
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Capped_logits_stay_below_the_cap_and_their_loss_is_that_of_the_capped(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        var config = HuggingFaceLanguage.Read(HuggingFaceConfig.Load(RepositoryFiles.Golden("gemma3-text"))) with { FinalLogitSoftcapping = 3, NumHiddenLayers = 1 };
        using var decoder = new CausalLanguageModel(config);
        using var generator = new Generator(1);
        foreach (var parameter in decoder.parameters()) Drawn.Normal(parameter, 0, 1, generator);
        var hidden = randn([4, config.HiddenSize], generator: generator);
        var raw = hidden.to(ScalarType.Float64).matmul(decoder.HeadWeight.to(ScalarType.Float64).t());
        var capped = (raw / 3).tanh() * 3;
        Assert.True(raw.abs().max().ToDouble() > 6);
        Near.Equal(capped, decoder.Logits(hidden), 1e-5);
        var targets = tensor(new long[] { 1, 2, 3, 4 });
        Near.Equal(nn.functional.cross_entropy(capped, targets, reduction: nn.Reduction.Sum).ToDouble(), decoder.CrossEntropy(hidden, targets).ToDouble(), 1e-5);
    }
}
