@echo off
rem nanovlm: builds what changed and runs the program. nanovlm COMMAND --help lists a command's options.
setlocal
set rest=
set DOTNET_CLI_TELEMETRY_OPTOUT=1
set DOTNET_NOLOGO=1
if /i "%~1"=="test" goto test
if /i "%~1"=="bench" goto bench
dotnet run --project "%~dp0src\NanoVlm.Train" -c Release -- %*
exit /b %errorlevel%

:test
for /f "tokens=1,* delims= " %%a in ("%*") do set rest=%%b
dotnet test "%~dp0NanoVlm.sln" -c Release %rest%
exit /b %errorlevel%

:bench
for /f "tokens=1,* delims= " %%a in ("%*") do set rest=%%b
dotnet run --project "%~dp0bench\NanoVlm.Bench" -c Release -- %rest%
exit /b %errorlevel%
