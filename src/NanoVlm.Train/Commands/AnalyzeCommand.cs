using System.CommandLine;
using NanoVlm.Evaluation.Analysis;
using NanoVlm.Evaluation.Towers;
using NanoVlm.Images;
using static TorchSharp.torch;

namespace NanoVlm.Training.Commands;

/// <summary><c>analyze</c>: looks into vision towers. Each kind of analysis is a command of its own; results are PNG and JSON files.</summary>
internal static class AnalyzeCommand
{
    internal static Command Create() => new("analyze", "Look into vision towers: layer similarity, attention, features as colours") { Cka(), Npib(), Attention(), Pca() };

    private static Command Cka()
    {
        var inputs = new Inputs("The first N pictures", 1000);
        var (other, pool, layer) = (Other(), Pool(), Layer("Compare this layer of --model alone with all of the other: 0 is the embedded patches, N what block N gives"));
        var estimator = new Option<string>("--estimator") { Description = "unbiased (minibatches, any number of pictures) or plain (Kornblith's, needs more pictures than features)", DefaultValueFactory = _ => "unbiased", HelpName = "NAME" };
        estimator.AcceptOnlyFromAmong("unbiased", "plain");
        var batchSize = new Option<int>("--batch-size") { Description = "The most pictures of a minibatch", DefaultValueFactory = _ => 256, HelpName = "N" };
        AtLeast(batchSize, 2 * UnbiasedHsic.MinimumItems);
        return inputs.Command("cka", "Linear CKA between the layers of two towers, as a heat map", [other, layer, pool, estimator, batchSize], (result, images, output) =>
            Compared(result, inputs, other, (one, two) => LayerSimilarity.Cka(
                one, two, images, Pooling(result.GetValue(pool)!), result.GetValue(estimator) == "unbiased", result.GetValue(batchSize), result.GetValue(layer), Progress(images)), output));
    }

    private static Command Npib()
    {
        var inputs = new Inputs("The first N pictures; all pairs of them are compared", 1000);
        var (other, pool, layer) = (Other(), Pool(), Layer("Compare this layer of --model alone with all of the other: 0 is the embedded patches, N what block N gives"));
        var temperature = new Option<double>("--temperature") { Description = "What cosines are divided by, above 0", DefaultValueFactory = _ => Evaluation.Analysis.Npib.DefaultTemperature, HelpName = "T" };
        temperature.Validators.Add(option =>
        {
            if (double.TryParse(option.Tokens.SingleOrDefault()?.Value, out var value) && !(value > 0)) option.AddError("--temperature must be above 0.");
        });
        var space = new Option<string>("--space") { Description = "profiles (pictures by their likeness to each other: any two towers) or shared (features as they are: towers of one origin)", DefaultValueFactory = _ => "profiles", HelpName = "NAME" };
        space.AcceptOnlyFromAmong("profiles", "shared");
        return inputs.Command("npib", "Normalised pointwise-information block similarity between the layers of two towers, as a heat map", [other, layer, pool, temperature, space], (result, images, output) =>
            Compared(result, inputs, other, (one, two) => LayerSimilarity.Npib(
                one, two, images, Pooling(result.GetValue(pool)!), result.GetValue(temperature), result.GetValue(space) == "shared", result.GetValue(layer), Progress(images)), output));
    }

    private static Command Attention()
    {
        var inputs = new Inputs("The first N pictures", 16);
        var layer = Layer("Look at this block alone, and follow attention up to it: 1 is the first");
        return inputs.Command("attention", "Where each head of each block looks in a picture, and the attention rollout", [layer], (result, images, output) =>
        {
            using var tower = Tower.Open(result.GetValue(inputs.Model)!);
            foreach (var (image, stem) in images.Zip(ImageFiles.Stems(images)))
            {
                ImageAttention.Of(tower, image, result.GetValue(layer)).Save(output, stem);
                Console.Out.WriteLine(Path.Combine(output, stem + ".attention.png"));
                Console.Out.WriteLine(Path.Combine(output, stem + ".rollout.png"));
            }
        });
    }

    private static Command Pca()
    {
        var inputs = new Inputs("The first N pictures", 16);
        var layer = Layer("The layer whose features are taken, 0 the embedded patches; the tower's output unless given");
        var joint = new Option<bool>("--joint") { Description = "One set of components and colours for all pictures: the same colour means the same" };
        return inputs.Command("pca", "Patch features as colours: their first three principal components as red, green and blue", [layer, joint], (result, images, output) =>
        {
            using var tower = Tower.Open(result.GetValue(inputs.Model)!);
            foreach (var (picture, stem) in PatchPicture.Of(tower, images, result.GetValue(layer), result.GetValue(joint)).Zip(ImageFiles.Stems(images)))
            {
                picture.Save(output, stem);
                Console.Out.WriteLine(Path.Combine(output, stem + ".pca.png"));
            }
        });
    }

    private static void Compared(ParseResult result, Inputs inputs, Option<string?> other, Func<Tower, Tower, LayerSimilarity> compare, string output)
    {
        using var one = Tower.Open(result.GetValue(inputs.Model)!);
        using var two = result.GetValue(other) is { } folder ? Tower.Open(folder) : null;
        Console.Out.WriteLine(compare(one, two ?? one).Save(output));
    }

    // What all kinds take.
    private sealed class Inputs
    {
        public Inputs(string limit, int most)
        {
            Limit = new("--limit") { Description = limit, DefaultValueFactory = _ => most, HelpName = "N" };
            AtLeast(Limit, 1);
        }

        public Option<string> Model { get; } = new("--model") { Description = "The model folder: a vision tower, or a model that has one", Required = true, HelpName = "DIR" };

        public Option<string[]> Images { get; } = new("--images") { Description = "Folders or JPEG, PNG and WebP files", Required = true, HelpName = "PATH", AllowMultipleArgumentsPerToken = true };

        public Option<int> Limit { get; }

        public Option<string> Output { get; } = new("--output") { Description = "The folder for the PNG and JSON files", Required = true, HelpName = "DIR" };

        public Command Command(string name, string description, Option[] more, Action<ParseResult, IReadOnlyList<StoredImage>, string> run)
        {
            var command = new Command(name, description) { Model };
            if (more.FirstOrDefault(option => option.Name == "--other") is { } other) command.Options.Add(other);
            foreach (var option in new Option[] { Images, Limit, Output }.Concat(more.Where(option => option.Name != "--other"))) command.Options.Add(option);
            command.SetAction(result =>
            {
                set_num_threads(Environment.ProcessorCount); // libtorch's own default is 1 on some virtual machines
                run(result, ImageFiles.Find(result.GetValue(Images)!, result.GetValue(Limit)), result.GetValue(Output)!);
                return 0;
            });
            return command;
        }
    }

    private static Option<string?> Other() => new("--other") { Description = "The tower to compare with; --model itself unless given", HelpName = "DIR" };

    private static Option<int?> Layer(string description) => new("--layer") { Description = description, HelpName = "N" };

    private static Option<string> Pool()
    {
        var pool = new Option<string>("--pool") { Description = "A picture's features: the mean of its patches, or the cls token", DefaultValueFactory = _ => "mean", HelpName = "NAME" };
        pool.AcceptOnlyFromAmong("mean", "cls");
        return pool;
    }

    private static TokenPooling Pooling(string name) => name == "cls" ? TokenPooling.Class : TokenPooling.Mean;

    private static void AtLeast(Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (int.TryParse(result.Tokens.SingleOrDefault()?.Value, out var value) && value < least) result.AddError($"{option.Name} must be {least} or more.");
    });

    private static Action<int>? Progress(IReadOnlyList<StoredImage> images) => Console.IsErrorRedirected ? null : done => Console.Error.Write($"\r{done} of {images.Count} pictures{(done == images.Count ? "\n" : "")}");
}
