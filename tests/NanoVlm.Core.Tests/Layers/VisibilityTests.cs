using NanoVlm.Kernels;
using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Layers;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Layers;

/// <summary>What queries see, against a reference that asks of every query and key by itself.</summary>
[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class VisibilityTests
{
    private const int Batch = 2;
    private const int Heads = 4;
    private const int Groups = 2;
    private const int Size = 6;

    /// <summary>The first of the documents is shared, or stands alone as all others do; or they alternate.</summary>
    public enum Layout { Shared, Apart, Woven }

    private sealed record Case(int Keys, int Queries, bool Causal, int Window, bool Masked, int Documents, Layout Layout, bool Restarts, bool Spans, int Seed)
    {
        public Visibility Visible()
        {
            var places = Enumerable.Range(0, Batch * Keys).Select(i => (Row: i / Keys, At: i % Keys)).ToArray();
            return new()
            {
                Causal = Causal,
                Window = Window,
                KeyMask = Masked ? Longs(place => Hidden(place.Row, place.At) ? 0 : 1) : null,
                Documents = Documents > 0 ? Longs(place => Document(place.Row, place.At)) : null,
                Positions = Restarts ? Longs(place => Position(place.Row, place.At)) : null,
                Spans = Spans ? Longs(place => Span(place.Row, place.At)) : null,
            };

            Tensor Longs(Func<(int Row, int At), int> of) => tensor(places.Select(place => (long)of(place)).ToArray(), [Batch, Keys]);
        }

        // The rules once more, by themselves.
        public bool Sees(int row, int query, int key)
        {
            var at = Keys - Queries + query;
            var seen = !Causal || key <= at;
            if (Causal && Window > 0) seen &= (Restarts ? Position(row, at) - Position(row, key) : at - key) < Window;
            if (Spans && Span(row, at) != 0 && Span(row, at) == Span(row, key)) seen = true;
            if (Documents > 0 && Document(row, key) != 0 && Document(row, key) != Document(row, at)) seen = false;
            return seen && !(Masked && Hidden(row, key));
        }

        private bool Hidden(int row, int at) => at != 0 && (at * 7 + row + Seed) % 4 == 0;

        private int Document(int row, int at) => Layout switch
        {
            Layout.Shared => (at + row) * (Documents + 1) / (Keys + 1),
            Layout.Apart => (at + row) * (Documents + 1) / (Keys + 1) + 1,
            _ => 1 + (at + row) % (Documents + 1),
        };

        private int Position(int row, int at) => Document(row, at) == 0 ? at : at - Enumerable.Range(0, Keys).First(place => Document(row, place) == Document(row, at)) + Shared(row);

        private int Shared(int row) => Enumerable.Range(0, Keys).Count(place => Document(row, place) == 0);

        private int Span(int row, int at) => (at + row) % 7 is 2 or 3 or 4 ? (at + row) / 7 + 1 : 0;
    }

    private static readonly Gen<Case> Cases =
        from keys in Gen.Choose(1, 40)
        from queries in Gen.Choose(1, keys)
        from causal in ArbMap.Default.GeneratorFor<bool>()
        from window in Gen.Elements(0, 0, 1, 2, 5, 33)
        from masked in ArbMap.Default.GeneratorFor<bool>()
        from documents in Gen.Elements(0, 0, 1, 3)
        from layout in Gen.Elements(Layout.Shared, Layout.Apart, Layout.Woven)
        from restarts in ArbMap.Default.GeneratorFor<bool>()
        from spans in ArbMap.Default.GeneratorFor<bool>()
        from seed in Gen.Choose(0, 1000)
        select new Case(keys, queries, causal, causal ? window : 0, masked, documents, layout, restarts && documents > 0, spans, seed);

    [Theory, InlineData(false), InlineData(true)]
    public void Attention_sees_what_the_rules_say_and_passes_gradients_to_nothing_else(bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        Prop.ForAll(Cases.ToArbitrary(), test =>
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)test.Seed);
            var (q, k, v) = (Draw(test.Queries, Heads), Draw(test.Keys, Groups), Draw(test.Keys, Groups));
            var seen = new bool[Batch, test.Queries, test.Keys];
            for (var row = 0; row < Batch; row++)
                for (var query = 0; query < test.Queries; query++)
                    for (var key = 0; key < test.Keys; key++)
                        seen[row, query, key] = test.Sees(row, query, key);
            var blind = Enumerable.Range(0, Batch).SelectMany(row => Enumerable.Range(0, test.Queries).Select(query => (row, query)))
                .Where(at => !Enumerable.Range(0, test.Keys).Any(key => seen[at.row, at.query, key])).ToArray();
            var y = Operators.Attention(q, k, v, 0.4, test.Visible());
            var cotangent = randn(y.shape, generator: generator);
            foreach (var (row, query) in blind) cotangent[row, query].zero_(); // what they give is not defined
            var gradients = autograd.grad([y], [q, k, v], [cotangent]);
            var expected = Naive(q, k, v, seen);
            var wanted = autograd.grad([expected], [q, k, v], [cotangent]);
            using var mode = no_grad();
            foreach (var (row, query) in blind) y[row, query].copy_(expected[row, query]);
            Near.Equal(expected, y, 1e-5, $"{test}");
            for (var i = 0; i < 3; i++) Absolutely(wanted[i], gradients[i], $"gradient {i} of {test}");

            Tensor Draw(int tokens, int heads) => randn([Batch, tokens, heads, Size], generator: generator).detach().requires_grad_();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    [Fact]
    public void A_window_of_one_sees_itself_alone()
    {
        using var scope = NewDisposeScope();
        foreach (var fused in new[] { false, true })
        {
            using var kernel = Kernel.Fused(fused);
            var v = randn([1, 9, 2, 4]);
            Near.Equal(v, Operators.Attention(randn([1, 9, 2, 4]), randn([1, 9, 2, 4]), v, 1, new Visibility { Causal = true, Window = 1 }), 1e-6);
        }
    }

    [Fact]
    public void A_row_that_sees_nothing_takes_the_mean_of_all_keys_where_transformers_padding_does()
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(false);
        var (q, k, v) = (randn([1, 4, 1, 4]), randn([1, 4, 1, 4]) * 1e-3, randn([1, 4, 1, 4]));
        var visible = new Visibility { Causal = true, KeyMask = tensor(new long[] { 0, 0, 1, 1 }, [1, 4]) };
        Near.Equal(v.mean([1]), Operators.Attention(q, k, v, 1, visible with { PaddingSeesAll = true }).select(1, 0), 1e-3, "all");
        Near.Equal(v.narrow(1, 0, 2).mean([1]), Operators.Attention(q, k, v, 1, visible).select(1, 1), 1e-3, "those before it");
    }

    // In Float64 and from the definition: a softmax over the keys that are seen.
    private static Tensor Naive(Tensor q, Tensor k, Tensor v, bool[,,] seen)
    {
        var mask = tensor(seen.Cast<bool>().Select(see => see ? 1.0 : 0).ToArray(), [Batch, 1, seen.GetLength(1), seen.GetLength(2)]);
        var (keys, values) = (Repeated(k), Repeated(v));
        var weights = (Wide(q).matmul(keys.transpose(-2, -1)) * 0.4).exp() * mask;
        var sums = weights.sum(-1, true);
        return (weights / (sums + (sums == 0).to(ScalarType.Float64))).matmul(values).transpose(1, 2).to(ScalarType.Float32);

        Tensor Wide(Tensor x) => x.to(ScalarType.Float64).transpose(1, 2);
        Tensor Repeated(Tensor x) => Wide(x).repeat_interleave(Heads / Groups, 1);
    }

    // A gradient can be nothing but rounding: of one key that is seen alone, say.
    private static void Absolutely(Tensor expected, Tensor actual, string what)
    {
        var distance = (expected - actual).abs().max().ToDouble();
        Assert.True(distance <= 1e-5 * Math.Max(1, expected.abs().max().ToDouble()), $"{what}: off by {distance}");
    }
}
