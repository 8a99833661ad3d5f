namespace NanoVlm.Weights.Hub;

/// <summary>What a repository of the Hub holds; each kind has names and a cache folder of its own.</summary>
public enum HubRepositoryKind
{
    /// <summary>Weights, a tokenizer, configurations.</summary>
    Model,

    /// <summary>Data to train on or to evaluate with.</summary>
    Dataset,
}
