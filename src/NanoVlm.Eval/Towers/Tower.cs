using NanoVlm.Configuration;
using NanoVlm.Images;
using NanoVlm.Models;
using NanoVlm.Vision;
using static TorchSharp.torch;

namespace NanoVlm.Evaluation.Towers;

/// <summary>The vision tower of a model folder with its image processor. A picture is one tile: processors that cut pictures up take them whole.</summary>
public sealed class Tower : IDisposable
{
    private const int ImagesAtOnce = 16;

    private readonly PixelProcessor processor;
    private readonly IDisposable owner;

    private Tower(string folder, VisionTransformer model, PixelProcessor processor, IDisposable owner) =>
        (Folder, Model, this.processor, this.owner) = (folder, model, processor, owner);

    /// <summary>The model folder.</summary>
    public string Folder { get; }

    /// <summary>The tower, in evaluation mode.</summary>
    public VisionTransformer Model { get; }

    /// <summary>The number of the last hidden state: 0 is the embedded patches, N what block N gives.</summary>
    public int LastLayer => Model.Config.NumHiddenLayers;

    /// <summary>Opens the tower of a folder of this library's or nanoVLM's, or of one of Hugging Face's.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="NanoVlmException">A file is missing or damaged.</exception>
    /// <exception cref="ConfigurationException">The folder's config.json is wrong, or holds no vision tower.</exception>
    public static Tower Open(string folder)
    {
        var processor = Whole(ImageInput.Open(folder).Processor);
        if (Checkpoint.IsHuggingFace(folder))
        {
            var model = Pretrained.LoadVisionTower(folder);
            return new Tower(folder, model, processor, model);
        }
        var whole = Checkpoint.LoadModel(folder);
        return new Tower(folder, whole.VisionEncoder, processor, whole);
    }

    /// <summary>The vision tower of a dual encoder, which stays the caller's.</summary>
    /// <param name="folder">The dual encoder's folder.</param>
    /// <param name="encoder">The dual encoder; disposed of with the tower.</param>
    internal static Tower Of(string folder, DualEncoder encoder) => new(folder, encoder.Vision, Whole(ImageInput.Open(folder).Processor), encoder);

    /// <summary>A picture as the tower takes it.</summary>
    /// <param name="image">The picture.</param>
    /// <exception cref="NanoVlmException">It cannot be read, or has a shape that the tower does not take.</exception>
    public TowerView View(StoredImage image)
    {
        var made = processor.Process(image.Decode(processor.Decoding));
        var (mean, std) = processor switch
        {
            TowerProcessor tower => (tower.Config.Mean, tower.Config.Std),
            ImageProcessor tiles => (tiles.Config.Mean, tiles.Config.Std),
            Idefics3Processor tiles => (tiles.Config.Mean, tiles.Config.Std),
            _ => throw new InvalidOperationException($"{processor.GetType().Name} is not known here."),
        };
        var plane = made.Height * made.Width;
        var seen = new byte[3 * plane];
        for (var i = 0; i < seen.Length; i++)
            seen[i] = (byte)Math.Clamp(MathF.Round((made.Pixels[i % 3 * plane + i / 3] * std[i % 3] + mean[i % 3]) * 255), 0, 255);
        return new TowerView(image.Name, made.Pixels[..(3 * plane)], new RgbImage(made.Width, made.Height, seen));
    }

    /// <summary>All hidden states of one picture.</summary>
    /// <param name="view">The picture.</param>
    /// <returns>The picture as it went in, [1, 3, height, width]; of layers 0 to <see cref="LastLayer"/>, [1, prefix + patches, hidden] each; and what comes
    /// out after the final norm. All belong to the caller's dispose scope.</returns>
    /// <exception cref="NanoVlmException">The picture has a shape that the tower does not take.</exception>
    public (Tensor Pixels, IReadOnlyList<Tensor> States, Tensor Output) Run(TowerView view)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var pixels = view.ToTensor();
        var states = new List<Tensor>();
        var output = Forward(view.Name, () => Model.forward(pixels, ScalarType.Float32, states));
        foreach (var state in states)
        {
            scope.Attach(state);
            state.MoveToOuterDisposeScope();
        }
        return (pixels.MoveToOuterDisposeScope(), states, output.MoveToOuterDisposeScope());
    }

    /// <summary>Features of pictures in every layer.</summary>
    /// <param name="images">The pictures.</param>
    /// <param name="pooling">How one vector is made of all tokens.</param>
    /// <returns>A vector for each picture at each layer from 0 to <see cref="LastLayer"/>, [pictures, hidden] each.</returns>
    /// <exception cref="NanoVlmException">A picture cannot be read or taken, or the tower has no CLS token to take.</exception>
    public IReadOnlyList<Tensor> LayerFeatures(IReadOnlyList<StoredImage> images, TokenPooling pooling)
    {
        using var scope = NewDisposeScope();
        RequirePooling(pooling);
        var parts = Enumerable.Range(0, LastLayer + 1).Select(_ => new List<Tensor>()).ToArray();
        foreach (var (_, views) in Batches(images, null))
        {
            using var inner = NewDisposeScope();
            using var mode = no_grad();
            var pixels = cat([.. views.Select(view => view.ToTensor())], 0);
            var states = new List<Tensor>();
            Forward(views[0].Name, () => Model.forward(pixels, ScalarType.Float32, states));
            for (var layer = 0; layer < states.Count; layer++)
            {
                using var state = states[layer];
                parts[layer].Add(Pool(state, pixels, pooling).MoveToOuterDisposeScope());
            }
        }
        return [.. parts.Select(part => cat(part, 0).MoveToOuterDisposeScope())];
    }

    /// <summary>One vector for each picture: the tower's own where it pools, else the mean of its patches after the final norm.</summary>
    /// <param name="images">The pictures.</param>
    /// <param name="failed">Hears of the pictures, by their places, that cannot be read or taken, whose vectors are zeros; null: the first such ends it.</param>
    /// <returns>[pictures, hidden].</returns>
    /// <exception cref="NanoVlmException">A picture cannot be read or taken, and nobody wants to hear of it.</exception>
    public Tensor Embed(IReadOnlyList<StoredImage> images, Action<int, NanoVlmException>? failed = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var vectors = zeros(images.Count, Model.Config.HiddenSize);
        foreach (var (places, views) in Batches(images, failed))
        {
            using var inner = NewDisposeScope();
            var pixels = cat([.. views.Select(view => view.ToTensor())], 0);
            try
            {
                var tokens = Forward(views[0].Name, () => Model.forward(pixels, ScalarType.Float32));
                vectors.index_copy_(0, tensor(places), Model.Config.Pooler == Pooler.None ? Pool(tokens, pixels, TokenPooling.Mean) : Model.Pool(tokens));
            }
            catch (NanoVlmException error) when (failed is not null)
            {
                foreach (var place in places) failed((int)place, error); // of one size, so none fits
            }
        }
        return vectors.MoveToOuterDisposeScope();
    }

    /// <summary>Fails where features cannot be made so.</summary>
    /// <exception cref="NanoVlmException">The tower has no CLS token.</exception>
    public void RequirePooling(TokenPooling pooling)
    {
        if (pooling == TokenPooling.Class && !Model.Config.ClassToken)
            throw new NanoVlmException($"{Folder}: this vision tower has no CLS token; take the mean over its patches (--pool mean).");
    }

    /// <summary>Fails where there is no such layer.</summary>
    /// <exception cref="NanoVlmException">The layer's number is not one of the tower's.</exception>
    public void RequireLayer(int? layer)
    {
        if (layer < 0 || layer > LastLayer)
            throw new NanoVlmException($"{Folder}: there is no layer {layer}; 0 is the embedded patches, 1 to {LastLayer} are what the blocks give.");
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => owner.Dispose();

    private Tensor Pool(Tensor tokens, Tensor pixels, TokenPooling pooling) =>
        pooling == TokenPooling.Class ? tokens.select(1, 0).clone() : Model.Patches(tokens, pixels).Patches.mean([1]);

    // Pictures of one size that follow each other, some at a time, with their places; they are prepared on all cores.
    private IEnumerable<(long[] Places, IReadOnlyList<TowerView> Views)> Batches(IReadOnlyList<StoredImage> images, Action<int, NanoVlmException>? failed)
    {
        for (var first = 0; first < images.Count; first += ImagesAtOnce)
        {
            var made = new TowerView?[Math.Min(ImagesAtOnce, images.Count - first)];
            var errors = new NanoVlmException?[made.Length];
            Parallel.For(0, made.Length, i =>
            {
                try
                {
                    made[i] = View(images[first + i]);
                }
                catch (NanoVlmException error)
                {
                    errors[i] = error;
                }
            });
            for (var i = 0; i < errors.Length; i++)
                if (errors[i] is { } error) (failed ?? throw new NanoVlmException(error.Message, error))(first + i, error);
            var views = made.Select((view, i) => (Place: (long)first + i, View: view)).Where(one => one.View is not null).ToArray();
            for (int start = 0, end; start < views.Length; start = end)
            {
                var size = Size(views[start].View!);
                for (end = start + 1; end < views.Length && Size(views[end].View!) == size;) end++;
                yield return ([.. views[start..end].Select(one => one.Place)], [.. views[start..end].Select(one => one.View!)]);
            }
        }

        static (int, int) Size(TowerView view) => (view.Seen.Width, view.Seen.Height);
    }

    private static Tensor Forward(string name, Func<Tensor> run)
    {
        try
        {
            return run();
        }
        catch (ArgumentException error)
        {
            throw new NanoVlmException($"The picture '{name}' does not fit the vision tower: {error.Message}", error);
        }
    }

    private static PixelProcessor Whole(PixelProcessor processor) => processor switch
    {
        ImageProcessor { Config: { Split: true } config } => new ImageProcessor(config with { Split = false }),
        Idefics3Processor { Config: { Split: true } config } => new Idefics3Processor(config with { Split = false }),
        _ => processor,
    };
}

/// <summary>A picture as a tower takes it.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Pixels">[3, height, width], normalised.</param>
/// <param name="Seen">The same as a picture again: resized and cut, not normalised.</param>
public sealed record TowerView(string Name, float[] Pixels, RgbImage Seen)
{
    /// <summary>As a batch of one: [1, 3, height, width].</summary>
    public Tensor ToTensor() => tensor(Pixels, [1, 3, Seen.Height, Seen.Width]);
}

/// <summary>How one vector is made of a layer's tokens.</summary>
public enum TokenPooling
{
    /// <summary>The mean of the patches.</summary>
    Mean,

    /// <summary>The CLS token.</summary>
    Class,
}
