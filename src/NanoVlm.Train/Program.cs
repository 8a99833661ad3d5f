using NanoVlm.Evaluation.Commands;
using NanoVlm.Training.Commands;

return CommandLineProgram.Run(NanoVlmCommand.Create(), args);
