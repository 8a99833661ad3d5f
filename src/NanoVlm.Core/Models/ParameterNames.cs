using NanoVlm.Weights;
using NanoVlm.Weights.Names;
using Storage = NanoVlm.Weights.Names.Storage;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NanoVlm.Models;

/// <summary>
/// A model's parameters and the tensors of its folder: which is which, how one is read into the other, and gradients under the folder's
/// names.
/// </summary>
public sealed class ParameterNames
{
    private readonly Dictionary<string, List<Piece>> pieces = []; // by stored name

    // What a stored tensor has of a parameter: share `Index` of `Count` where it is rows.
    private sealed record Piece(Parameter Parameter, string Name, Storage How, int Index, int Count, long[] StoredShape);

    /// <summary>The folder's tensors that hold parameters, in the order of the parameters.</summary>
    public IReadOnlyCollection<string> Names => pieces.Keys;

    /// <summary>Names that are the model's own, as in nanoVLM's folders.</summary>
    /// <param name="module">The model.</param>
    public static ParameterNames Own(Module module)
    {
        var names = new ParameterNames();
        foreach (var (name, parameter) in module.named_parameters())
            names.Add(name, new Piece(parameter, name, Storage.Whole, 0, 1, parameter.shape));
        return names;
    }

    /// <summary>Reads a model's parameters from a folder of Hugging Face's.</summary>
    /// <param name="module">The model.</param>
    /// <param name="weights">The stored tensors.</param>
    /// <param name="parts">Where in the model each family of names applies: the beginning of its parameters' names, such as <c>decoder.</c>.</param>
    /// <param name="whole">Whether the folder holds nothing but this model.</param>
    /// <param name="resize">How parameters, by their names, are made of stored tensors of another shape, which is given.</param>
    /// <exception cref="NanoVlmException">Tensors are missing, unexpected, misshapen or of another type; all are listed.</exception>
    internal static ParameterNames Load(
        Module module, ModelWeights weights, IReadOnlyList<(string Within, NameMap Names)> parts, bool whole, IReadOnlyDictionary<string, (long[] Stored, Func<Tensor, Tensor> Make)>? resize = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var names = new ParameterNames();
        var problems = new List<string>();
        var used = parts.Where(part => module.named_parameters().Any(p => Rule(part, p.name) is not null)).ToArray();
        foreach (var (_, family) in used) // without its anchor nothing of a family can be told apart
        {
            var anchors = family.AnchorsIn(weights.Names);
            if (anchors.Count == 0) problems.Add($"{family.Anchor} is missing, under any prefix");
            else if (anchors.Count > 1) problems.Add($"{string.Join(" and ", anchors)} are both there, expected one of them");
        }
        if (problems.Count > 0) throw Refused();
        var prefixes = parts.Select(part => part.Names.PrefixIn(weights.Names)).ToArray();
        var reads = new List<Action>();
        foreach (var (name, parameter) in module.named_parameters())
        {
            var (rule, prefix) = Find(name);
            for (var i = 0; i < rule.Stored.Count; i++)
            {
                var stored = prefix + rule.Stored[i];
                var piece = new Piece(parameter, name, rule.How, i, rule.Stored.Count, weights.Contains(stored) ? weights[stored].Shape : []);
                names.Add(stored, piece);
                var made = resize is not null && resize.TryGetValue(name, out var other) ? other : ((long[] Stored, Func<Tensor, Tensor> Make)?)null;
                var expected = made?.Stored ?? Expected(piece);
                if (!weights.Contains(stored)) problems.Add($"{stored} is missing (expected [{string.Join(", ", expected)}])");
                else if (weights[stored].DType is not (SafeTensorsDType.F64 or SafeTensorsDType.F32 or SafeTensorsDType.F16 or SafeTensorsDType.BF16 or SafeTensorsDType.F8_E4M3 or SafeTensorsDType.F8_E5M2))
                    problems.Add($"{stored} is {weights[stored].DType}, expected a floating-point type");
                else if (Fits(piece, expected) && made is { } resized) reads.Add(() => parameter.copy_(resized.Make(weights.Tensor(stored).to(ScalarType.Float32))));
                else if (Fits(piece, expected)) reads.Add(() => Read(weights, stored, piece));
                else problems.Add($"{stored} has shape [{string.Join(", ", piece.StoredShape)}], expected [{string.Join(", ", expected)}]");
            }
        }
        problems.AddRange(weights.Names.Where(Unexpected).Select(name => $"{name} is unexpected"));
        if (problems.Count > 0) throw Refused();
        foreach (var read in reads)
        {
            using var inner = NewDisposeScope();
            read();
        }
        return names;

        NanoVlmException Refused() => new($"{weights.Path}: does not hold the weights that config.json describes:\n  " + string.Join("\n  ", problems.Distinct()));

        static NameRule? Rule((string Within, NameMap Names) part, string parameter) =>
            parameter.StartsWith(part.Within, StringComparison.Ordinal) ? part.Names.Find(parameter[part.Within.Length..]) : null;

        (NameRule Rule, string Prefix) Find(string parameter)
        {
            for (var i = 0; i < parts.Count; i++)
                if (Rule(parts[i], parameter) is { } rule)
                    return (rule, prefixes[i]!);
            throw new InvalidOperationException($"No family of names has '{parameter}'.");
        }

        bool Unexpected(string name)
        {
            if (names.pieces.ContainsKey(name)) return false;
            var inside = false;
            for (var i = 0; i < parts.Count; i++)
            {
                if (prefixes[i] is not { } prefix || !name.StartsWith(prefix, StringComparison.Ordinal)) continue;
                if (parts[i].Names.Knows(name[prefix.Length..])) return false;
                inside |= prefix.Length > 0 || whole;
            }
            return whole || inside;
        }
    }

    /// <summary>A model's parameters under the names of a family, as a folder of Hugging Face's holds them.</summary>
    /// <param name="module">The model.</param>
    /// <param name="family">The family of names.</param>
    /// <param name="prefix">What stands before all names, such as <c>model.</c>.</param>
    /// <returns>The tensors by name; a tied head once, as the embedding. They share no memory with the parameters.</returns>
    internal static IReadOnlyDictionary<string, Tensor> Export(Module module, NameMap family, string prefix = "")
    {
        using var mode = no_grad();
        var names = new ParameterNames();
        foreach (var (name, parameter) in module.named_parameters())
        {
            var rule = family.Find(name) ?? throw new InvalidOperationException($"The family of names has no '{name}'.");
            for (var i = 0; i < rule.Stored.Count; i++)
            {
                var piece = new Piece(parameter, name, rule.How, i, rule.Stored.Count, []);
                names.Add(prefix + rule.Stored[i], piece with { StoredShape = Expected(piece) });
            }
        }
        return names.Names.ToDictionary(name => name, name => names.Gather(name, parameter => parameter));
    }

    /// <summary>The gradient of a stored tensor.</summary>
    /// <param name="stored">One of <see cref="Names"/>.</param>
    /// <returns>The tensor's shape; zeros where it took no part.</returns>
    public Tensor Gradient(string stored) => Gather(stored, parameter => parameter.grad ?? zeros_like(parameter));

    // A stored tensor of what there is for each parameter.
    private Tensor Gather(string stored, Func<Parameter, Tensor> of)
    {
        using var scope = NewDisposeScope();
        var own = pieces[stored].OrderBy(piece => piece.How).Select(piece => (Value: of(piece.Parameter), Piece: piece)).Select(part => part.Piece.How switch
        {
            Storage.Rows => part.Value.narrow(0, part.Piece.Index * part.Value.shape[0] / part.Piece.Count, part.Value.shape[0] / part.Piece.Count),
            Storage.Transposed => part.Value.t(),
            _ => part.Value,
        }).ToArray();
        return (own.Length == 1 ? own[0] : cat(own, 0)).detach().reshape(pieces[stored][0].StoredShape).clone().MoveToOuterDisposeScope();
    }

    private void Add(string stored, Piece piece)
    {
        if (!pieces.TryGetValue(stored, out var list)) pieces[stored] = list = [];
        list.Add(piece);
    }

    private static long[] Expected(Piece piece)
    {
        var shape = piece.Parameter.shape;
        return piece.How switch
        {
            Storage.Rows => [shape[0] / piece.Count, .. shape[1..]],
            Storage.FirstHalf or Storage.SecondHalf => [shape[0] * 2, .. shape[1..]],
            Storage.Transposed => [.. shape.Reverse()],
            _ => shape,
        };
    }

    // Tokens and positions have a batch dimension here that a file may leave out.
    private static bool Fits(Piece piece, long[] expected) => piece.How == Storage.Whole && expected.Contains(1)
        ? piece.StoredShape.Where(size => size != 1).SequenceEqual(expected.Where(size => size != 1))
        : piece.StoredShape.SequenceEqual(expected);

    private static void Read(ModelWeights weights, string stored, Piece piece)
    {
        var parameter = piece.Parameter;
        var rows = parameter.Dimensions == 0 ? 1 : parameter.shape[0];
        switch (piece.How)
        {
            case Storage.Whole:
                weights.CopyTo(stored, parameter.view(piece.StoredShape));
                break;
            case Storage.Rows:
                weights.CopyTo(stored, parameter.narrow(0, piece.Index * rows / piece.Count, rows / piece.Count));
                break;
            case Storage.Transposed:
                parameter.copy_(weights.Tensor(stored).t());
                break;
            default:
                parameter.copy_(weights.Tensor(stored).narrow(0, piece.How == Storage.FirstHalf ? 0 : rows, rows));
                break;
        }
    }
}
