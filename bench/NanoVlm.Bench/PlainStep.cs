using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace NanoVlm.Bench;

/// <summary>The training step of pytorch_step.py over <see cref="PlainVlm"/>: the package's AdamW and clipping.</summary>
internal sealed class PlainStep : IDisposable
{
    private readonly PlainVlm model;
    private readonly AdamW optimizer;
    private readonly StepBatch[] data;

    internal PlainStep(StepSizes sizes, ScalarType dtype)
    {
        random.manual_seed(0);
        model = new PlainVlm(sizes, dtype);
        optimizer = optim.AdamW(model.parameters(), lr: 1e-3, beta1: 0.9, beta2: 0.95, weight_decay: 0.01);
        data = StepBatch.Make(sizes, 4, seed: 1);
    }

    internal long Parameters => model.parameters().Sum(parameter => parameter.numel());

    /// <summary>One step on one of four batches.</summary>
    internal double Run(int number)
    {
        using var scope = NewDisposeScope();
        var batch = data[number % data.Length];
        var loss = model.call(batch.Pixels, batch.Ids, batch.Labels);
        optimizer.zero_grad();
        loss.backward();
        nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        optimizer.step();
        return loss.ToDouble();
    }

    public void Dispose()
    {
        foreach (var batch in data) batch.Dispose();
        optimizer.Dispose();
        model.Dispose();
    }
}
