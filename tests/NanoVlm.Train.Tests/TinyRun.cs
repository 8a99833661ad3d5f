namespace NanoVlm.Training.Tests;

/// <summary>A tiny model, trained once by the program itself; its folder is shared and only read.</summary>
public sealed class TinyRun : IDisposable
{
    internal const string Name = "tiny";

    internal const string Config = """
        {
          "model": {
            "vision": { "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "patch_size": 16 },
            "language": { "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1 },
            "image": { "tile_size": 64 },
          },
          "data": { "train": [ { "kind": "shapes", "path": "data", "images": 64, "validation": 8, "test": 12 } ], "max_tokens": 384, "workers": 1 },
          "train": {
            "run_name": "tiny", "max_steps": 40, "batch_size": 8, "threads": 1, "precision": "fp32",
            "lr_projector": 1e-2, "lr_vision": 1e-3, "lr_language": 1e-2,
            "log_every": 5, "eval_every": 10, "save_every": 5, "eval_limit": 16, "keep_last": 2,
          },
        }
        """;

    private readonly TemporaryFolder folder = new();

    public TinyRun()
    {
        File.WriteAllText(folder["tiny.json"], Config);
        Result = NanoVlmProgram.Run(folder.Path, "train", "--config", "tiny.json");
    }

    internal ProgramResult Result { get; }

    /// <summary>Where the program was started; holds the data and tiny.json.</summary>
    internal string Folder => folder.Path;

    /// <summary>The run's folder.</summary>
    internal string Run => Path.Combine(Folder, "checkpoints", Name);

    internal string Best => Path.Combine(Run, "best");

    internal string Png => Path.Combine(Folder, "data", "images", "test", "000000.png");

    internal string Jpeg => RepositoryFiles.At("tests/goldens/image-formats/rgb.jpg");

    /// <summary>A copy of the best checkpoint to damage.</summary>
    internal static void CopyCheckpoint(TinyRun run, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(run.Best)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    public void Dispose() => folder.Dispose();
}

[CollectionDefinition(nameof(TinyRun))]
public sealed class TinyRunCollection : ICollectionFixture<TinyRun>;
