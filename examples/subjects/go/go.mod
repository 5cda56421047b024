module seawall/subject

go 1.19
