@echo off
rem nanovlm: builds what changed and runs the program. nanovlm COMMAND --help lists a command's options.
setlocal EnableExtensions DisableDelayedExpansion
set DOTNET_CLI_TELEMETRY_OPTOUT=1
set DOTNET_NOLOGO=1
rem No quotes around it: an argument's own keep & and | what they are.
set rest=%*
if "%~1"=="" goto help
if /i "%~1"=="help" goto help
if /i "%~1"=="test" goto test
if /i "%~1"=="bench" goto bench
dotnet run --project "%~dp0src\NanoVlm.Train" -c Release -- %rest%
exit /b %errorlevel%

:help
dotnet run --project "%~dp0src\NanoVlm.Train" -c Release -- --help
exit /b %errorlevel%

:test
set rest=%rest:*test=%
dotnet test "%~dp0NanoVlm.sln" -c Release %rest%
exit /b %errorlevel%

:bench
set rest=%rest:*bench=%
dotnet run --project "%~dp0bench\NanoVlm.Bench" -c Release -- %rest%
exit /b %errorlevel%
