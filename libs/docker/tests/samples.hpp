#pragma once
#include <string_view>

/// Answers of Docker 20.10.24 (API 1.41), recorded; long lists of members that nobody reads are left out.
namespace gantryd::docker::samples {

inline constexpr std::string_view version =
    R"({"Platform":{"Name":""},"Components":[{"Name":"Engine","Version":
"20.10.24+dfsg1","Details":{"ApiVersion":"1.41","Arch":"amd64","MinAPIVersion":"1.12","Os":"linux"}},{"Name":
"containerd","Version":"1.6.20~ds1","Details":{"GitCommit":"1.6.20~ds1-1+deb12u3"}}],"Version":"20.10.24+dfsg1",
"ApiVersion":"1.41","MinAPIVersion":"1.12","GitCommit":"5d6db84","GoVersion":"go1.19.8","Os":"linux","Arch":"amd64",
"KernelVersion":"6.18.44","BuildTime":"2026-05-07T21:09:36.000000000+00:00"}
)";

inline constexpr std::string_view running_container = R"({"Id":
"ab8e22f2dd68db379a54bc8bf585a2e218284974e18107d9038d70077f5b5f64","Created":"2026-11-21T03:21:47.214565256Z",
"Path":"/prog","Args":["serve"],"State":{"Status":"running","Running":true,"Paused":false,"Restarting":false,
"OOMKilled":false,"Dead":false,"Pid":7753,"ExitCode":0,"Error":"","StartedAt":"2026-11-21T03:21:47.450628696Z",
"FinishedAt":"0001-01-01T00:00:00Z"},"Image":
"sha256:0ba2c341778cddc3846f040b094b9c8dc50e2b12c354b7b4fef61214cdbf8938","Name":"/ss","RestartCount":0,
"ExecIDs":null,"HostConfig":{"Binds":null,"RestartPolicy":{"Name":"","MaximumRetryCount":0},"ConsoleSize":[0,0],
"PidsLimit":null},"Mounts":[],"Config":{"Hostname":"ab8e22f2dd68","User":"","Tty":false,"Env":[
"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["serve"],"Image":"rec:1",
"Volumes":null,"Entrypoint":["/prog"],"OnBuild":null,"Labels":{"l":"1"}},"NetworkSettings":{"Bridge":"",
"SandboxKey":"/tmp/dk/exec/netns/4f1e0d40a986","Ports":{},"Gateway":"172.29.0.1","IPAddress":"172.29.0.2",
"IPPrefixLen":16,"MacAddress":"02:42:ac:1d:00:02","Networks":{"bridge":{"IPAMConfig":null,"Links":null,
"Gateway":"172.29.0.1","IPAddress":"172.29.0.2","IPPrefixLen":16,"MacAddress":"02:42:ac:1d:00:02",
"DriverOpts":null}}}}
)";

inline constexpr std::string_view failed_start = R"({"Id":
"00128ce55cf9d489ca68033d96320ca3f7483d7da64ee30276cdb9610cca3d0d","State":{"Status":"created","Running":false,
"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"Pid":0,"ExitCode":127,"Error":
"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or directory: unknown",
"StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z"},"Name":"/bad","Config":{"Labels":null},
"NetworkSettings":{"IPAddress":"","Gateway":"","Networks":{"bridge":{"IPAddress":"","Gateway":""}}}}
)";

inline constexpr std::string_view list = R"([{"Id":
"e3744ab8da533e578c19e6827c5a7427c5c474a6df09cc94cc1b994f83b019f7","Names":["/aa"],"Image":"rec:1","ImageID":
"sha256:0ba2c341778cddc3846f040b094b9c8dc50e2b12c354b7b4fef61214cdbf8938","Command":"/prog say x",
"Created":1795231305,"Ports":[],"Labels":{"l":"1"},"State":"exited","Status":"Exited (7) 1 second ago",
"HostConfig":{"NetworkMode":"default"},"NetworkSettings":{"Networks":{"bridge":{"IPAMConfig":null,"Gateway":"",
"IPAddress":"","IPPrefixLen":0,"DriverOpts":null}}},"Mounts":[]},{"Id":
"ab8e22f2dd68db379a54bc8bf585a2e218284974e18107d9038d70077f5b5f64","Names":["/ss"],"Image":"rec:1","ImageID":
"sha256:0ba2c341778cddc3846f040b094b9c8dc50e2b12c354b7b4fef61214cdbf8938","Command":"/prog serve",
"Created":1795231307,"Ports":[],"Labels":{"l":"1"},"State":"running","Status":"Up Less than a second",
"HostConfig":{"NetworkMode":"default"},"NetworkSettings":{"Networks":{"bridge":{"IPAMConfig":null,"Gateway":
"172.29.0.1","IPAddress":"172.29.0.2","IPPrefixLen":16,"DriverOpts":null}}},"Mounts":[]}]
)";

inline constexpr std::string_view image = R"({"Id":
"sha256:0ba2c341778cddc3846f040b094b9c8dc50e2b12c354b7b4fef61214cdbf8938","RepoTags":["rec:1"],"RepoDigests":[],
"Parent":"sha256:52e74d6541c59b2829c8e0bb3c026b56a184f30de0185f66f7d684eb88d60a70","Created":
"2026-11-21T03:21:11.586726527Z","ContainerConfig":{"Cmd":["/bin/sh","-c","#(nop) ","CMD [\"serve\"]"],
"Labels":{}},"DockerVersion":"20.10.24+dfsg1","Config":{"User":"","Cmd":["serve"],"Volumes":null,
"Entrypoint":["/prog"],"OnBuild":null,"Labels":null},"Architecture":"amd64","Os":"linux","Size":775216,
"RootFS":{"Type":"layers","Layers":["sha256:0d149d4bd48885a85a4d0af10692b5d47344bc2ab61188841ff056a12ecd0518"]}}
)";

inline constexpr std::string_view die_event =
    R"({"status":"die","id":"e3744ab8da533e578c19e6827c5a7427c5c474a6df09cc94cc1b994f83b019f7","from":"rec:1",)"
    R"("Type":"container","Action":"die","Actor":{"ID":)"
    R"("e3744ab8da533e578c19e6827c5a7427c5c474a6df09cc94cc1b994f83b019f7","Attributes":{"exitCode":"7",)"
    R"("image":"rec:1","l":"1","name":"aa"}},"scope":"local","time":1795231306,"timeNano":1795231306189092251})";

}  // namespace gantryd::docker::samples
