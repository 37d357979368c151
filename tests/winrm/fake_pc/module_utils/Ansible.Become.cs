// A FAKE: starts the process that Ansible wants to start as another account, as itself, and notes which account that was
// in the environment variable IM_FAKE_ACCOUNT. The same door as Ansible's own class of this name.

using System;
using System.Collections;
using System.Diagnostics;
using System.Text;
using Ansible.AccessToken;
using Ansible.Process;

namespace Ansible.Become
{
    [Flags]
    public enum LogonFlags
    {
        None = 0,
        WithProfile = 1,
        NetcredentialsOnly = 2
    }

    public class FakeResult
    {
        public string StandardOut { get; set; }
        public string StandardError { get; set; }
        public int ExitCode { get; set; }
    }

    public class BecomeUtil
    {
        public static FakeResult CreateProcessAsUser(string username, string password, LogonFlags logonFlags,
            LogonType logonType, string lpApplicationName, string lpCommandLine, string lpCurrentDirectory,
            IDictionary environment, string stdin)
        {
            string[] words = lpCommandLine.Split(new char[] { ' ' }, 2);
            ProcessStartInfo start = new ProcessStartInfo(words[0], words[1]);
            start.EnvironmentVariables["IM_FAKE_ACCOUNT"] = username;
            start.UseShellExecute = false;
            start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
            using (System.Diagnostics.Process process = System.Diagnostics.Process.Start(start))
            {
                var output = process.StandardOutput.ReadToEndAsync();
                var errors = process.StandardError.ReadToEndAsync();
                process.StandardInput.Write(stdin);
                process.StandardInput.Close();
                process.WaitForExit();
                FakeResult result = new FakeResult();
                result.StandardOut = output.Result;
                result.StandardError = errors.Result;
                result.ExitCode = process.ExitCode;
                return result;
            }
        }
    }
}
