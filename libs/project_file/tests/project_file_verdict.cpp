// Says of every file named on the command line whether the reader accepts it, one line each:
// "ok<TAB>FILE" or "bad<TAB>FILE<TAB>LINE:COLUMN<TAB>FIELD<TAB>EXPECTED" with the first problem.
#include <gantryd/project_file/reader.hpp>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace project_file = gantryd::project_file;

int main(int count, char** arguments)
{
    for (int i = 1; i < count; ++i) {
        const std::string name = arguments[i];
        std::ifstream file(name, std::ios::binary);
        if (!file) {
            std::cerr << name << ": cannot be read\n";
            return 2;
        }
        const std::string text(std::istreambuf_iterator<char>(file), {});
        const auto read = project_file::read_project(text, project_file::syntax_of(name, text));
        if (read) {
            std::cout << "ok\t" << name << '\n';
            continue;
        }
        const auto& first = read.error().front();
        std::cout << "bad\t" << name << '\t' << first.line << ':' << first.column << '\t' << first.field
                  << '\t' << first.expected << '\n';
    }
    return 0;
}
