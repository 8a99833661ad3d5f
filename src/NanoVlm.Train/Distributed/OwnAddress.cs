using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace NanoVlm.Training.Distributed;

/// <summary>
/// The address that the other ranks reach this process at: that of GLOO_SOCKET_IFNAME, otherwise the one that faces MASTER_ADDR. A loopback
/// master is no such sign when the run has more than one machine (some launchers tell rank 0 that it is "localhost"): then the machine's
/// own name decides.
/// </summary>
internal static class OwnAddress
{
    /// <summary>Finds it.</summary>
    /// <param name="place">This process's place.</param>
    /// <exception cref="NanoVlmException">GLOO_SOCKET_IFNAME names no network interface with an address.</exception>
    internal static string Find(RankEnvironment place)
    {
        if (Environment.GetEnvironmentVariable("GLOO_SOCKET_IFNAME") is { Length: > 0 } name)
        {
            var addresses = NetworkInterface.GetAllNetworkInterfaces().Where(i => i.Name == name)
                .SelectMany(i => i.GetIPProperties().UnicastAddresses)
                .Select(unicast => unicast.Address).Where(address => !address.IsIPv6LinkLocal);
            return IPv4First(addresses).FirstOrDefault()?.ToString()
                ?? throw new NanoVlmException(
                    $"GLOO_SOCKET_IFNAME is '{name}': this machine has no such network interface with an address.");
        }
        try
        {
            // Connecting a datagram socket sends nothing: the system only chooses the way.
            var master = IPv4First(Dns.GetHostAddresses(place.MasterAddress)).First();
            using var way = new Socket(master.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            way.Connect(master, place.MasterPort);
            var own = ((IPEndPoint)way.LocalEndPoint!).Address;
            if (!IPAddress.IsLoopback(own) || place.OneMachine == true) return own.ToString();
        }
        catch (SocketException)
        {
            // The name decides.
        }
        return NamedAddress().ToString();
    }

    private static IPAddress NamedAddress()
    {
        try
        {
            return IPv4First(Dns.GetHostAddresses(Dns.GetHostName())).FirstOrDefault(IsHere) ?? IPAddress.Loopback;
        }
        catch (SocketException)
        {
            return IPAddress.Loopback; // a machine whose name nobody knows trains alone
        }

        // Some systems know their name by an address that no interface has.
        static bool IsHere(IPAddress address)
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(address, 0));
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }

    private static IEnumerable<IPAddress> IPv4First(IEnumerable<IPAddress> addresses) =>
        addresses.OrderBy(address => address.AddressFamily == AddressFamily.InterNetwork ? 0 : 1);
}
