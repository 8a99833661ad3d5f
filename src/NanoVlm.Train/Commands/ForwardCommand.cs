using System.CommandLine;
using NanoVlm.Generation;
using NanoVlm.Kernels;
using static TorchSharp.torch;

namespace NanoVlm.Training.Commands;

/// <summary><c>forward</c>: runs a model on stored inputs, for comparing with another implementation.</summary>
internal static class ForwardCommand
{
    internal static Command Create()
    {
        var model = new Option<string>("--model") { Description = "The model folder", Required = true, HelpName = "DIR" };
        var inputs = new Option<string>("--inputs") { Description = "Tensors named [group.]input.NAME: input_ids, pixel_values, attention_mask, labels, cotangent", Required = true, HelpName = "IN.safetensors" };
        var output = new Option<string>("--output") { Description = "Where the results go", Required = true, HelpName = "OUT.safetensors" };
        var hiddenStates = new Option<bool>("--hidden-states") { Description = "Store every block's input and the last one's output too" };
        var gradients = new Option<string[]>("--gradients") { Description = "Store the gradients of these parameters, or of 'all'", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        var generate = new Option<int>("--generate") { Description = "Continue each prompt greedily by N tokens", HelpName = "N" };
        var dtype = new Option<string>("--dtype") { Description = "fp32 or bf16", DefaultValueFactory = _ => "fp32", HelpName = "TYPE" };
        dtype.AcceptOnlyFromAmong("fp32", "bf16");
        var command = new Command("forward", "Run a model on stored inputs and store what comes out") { model, inputs, output, hiddenStates, gradients, generate, dtype };
        command.Validators.Add(result =>
        {
            if (result.GetValue(generate) < 0) result.AddError("--generate must be 0 or more.");
        });
        command.SetAction(result =>
        {
            set_num_threads(Environment.ProcessorCount); // libtorch's own default is 1 on some virtual machines
            // The composites are the reference: in rows of padding, too, they do what nanoVLM does.
            if (Environment.GetEnvironmentVariable("NANOVLM_KERNELS") is null) Operators.Implementation = Implementation.Composite;
            var pass = new ForwardPass
            {
                HiddenStates = result.GetValue(hiddenStates),
                Gradients = result.GetValue(gradients) ?? [],
                Generate = result.GetValue(generate),
                ComputeDtype = result.GetValue(dtype) == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32,
            };
            var stored = pass.Run(result.GetValue(model)!, result.GetValue(inputs)!, result.GetValue(output)!);
            Console.Error.WriteLine($"{stored.Count} tensors in {result.GetValue(output)}");
            return 0;
        });
        return command;
    }
}
